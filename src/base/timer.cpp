#include "eventcollect/timer.hpp"

#include <condition_variable>
#include <mutex>

namespace eventcollect {
namespace {

class SteadyTimer final : public Timer {
 public:
  std::chrono::steady_clock::time_point now() override { return std::chrono::steady_clock::now(); }

  bool wait(std::chrono::milliseconds span, const std::stop_token& stop) override {
    // Not a condition_variable_any, which knows stops but takes memory.
    std::mutex mutex;
    std::condition_variable stopped;
    const std::stop_callback on_stop{stop, [&] {
                                       const std::lock_guard lock{mutex};
                                       stopped.notify_one();
                                     }};
    std::unique_lock lock{mutex};
    return !stopped.wait_for(lock, span, [&] { return stop.stop_requested(); });
  }
};

}  // namespace

Timer& steady_timer() {
  static SteadyTimer timer;
  return timer;
}

}  // namespace eventcollect
