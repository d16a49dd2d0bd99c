// A timer whose waits take no time: its hands move by them.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "eventcollect/timer.hpp"

namespace eventcollect::test {

// One thread at a time.
class ManualTimer final : public Timer {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  std::vector<std::chrono::milliseconds> waits;
  std::function<void()> on_wait = [] {};  // what happens while somebody waits

  TimePoint now() override { return now_; }
  bool wait(std::chrono::milliseconds span, const std::stop_token& stop) override {
    if (stop.stop_requested()) return false;
    waits.push_back(span);
    now_ += span;
    on_wait();
    return !stop.stop_requested();
  }

  void advance(std::chrono::milliseconds span) { now_ += span; }

 private:
  TimePoint now_{};
};

}  // namespace eventcollect::test
