#include "eventcollect/memory.hpp"

namespace eventcollect {

void MemorySink::write(const Batch& batch, Rejections&) {
  const std::lock_guard lock{mutex_};
  for (const Event& event : batch) lines_.emplace_back(event.line);
}

std::vector<std::string> MemorySink::lines() const {
  const std::lock_guard lock{mutex_};
  return lines_;
}

}  // namespace eventcollect
