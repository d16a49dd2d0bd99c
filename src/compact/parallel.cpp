#include "compact/parallel.hpp"

#include <mutex>
#include <thread>
#include <vector>

namespace eventcollect::compaction {

void in_parallel(std::size_t threads, const std::function<void(std::size_t)>& work) {
  std::mutex mutex;
  std::exception_ptr error;
  const auto guarded = [&](std::size_t index) {
    try {
      work(index);
    } catch (...) {
      const std::lock_guard lock{mutex};
      if (!error) error = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    others.reserve(threads);
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back([&guarded, i] { guarded(i); });
    guarded(0);
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace eventcollect::compaction
