#include "drivers/postgres/session.hpp"
#include "eventcollect/postgres.hpp"

namespace eventcollect {

PostgresSink::PostgresSink(const PostgresSinkOptions& options)
    : session_{std::make_unique<Session>(options)} {}
PostgresSink::~PostgresSink() = default;

void PostgresSink::write(const Batch& batch, Rejections& rejections) {
  session_->write(batch, rejections);
}
void PostgresSink::maintain() { session_->maintain(); }
LoadStart PostgresSink::begin(std::string_view object_key, std::string_view selection) {
  return session_->begin(object_key, selection);
}
void PostgresSink::commit() { session_->commit(); }
void PostgresSink::roll_back() noexcept { session_->roll_back(); }
std::vector<bool> PostgresSink::loaded(std::span<const std::string> object_keys,
                                       std::string_view selection) {
  return session_->loaded(object_keys, selection);
}

}  // namespace eventcollect
