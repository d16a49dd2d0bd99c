#include "eventcollect/timer.hpp"

#include <condition_variable>
#include <mutex>

namespace eventcollect {
namespace {

class SteadyTimer final : public Timer {
 public:
  std::chrono::steady_clock::time_point now() override { return std::chrono::steady_clock::now(); }

  bool wait(std::chrono::milliseconds span, const std::stop_token& stop) override {
    std::mutex mutex;
    std::condition_variable_any nobody_calls;
    std::unique_lock lock{mutex};
    nobody_calls.wait_for(lock, stop, span, [] { return false; });
    return !stop.stop_requested();
  }
};

}  // namespace

Timer& steady_timer() {
  static SteadyTimer timer;
  return timer;
}

}  // namespace eventcollect
