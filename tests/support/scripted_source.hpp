// A source that gives what a test tells it, call by call.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "eventcollect/source.hpp"
#include "support/failing.hpp"
#include "support/manual_timer.hpp"

namespace eventcollect::test {

// One thread at a time. Waits on a manual timer.
class ScriptedSource final : public Source {
 public:
  using Step = std::function<void(Delivery&, const ReadLimits&)>;

  explicit ScriptedSource(ManualTimer& timer) : timer_{timer} {}

  std::deque<Step> reads;                                // one for each read to come
  std::function<bool()> on_idle = [] { return false; };  // after a wait in vain; false: the end
  std::function<void(const Delivery&)> on_acknowledge = [](const Delivery&) {};
  std::vector<ReadLimits> asked;
  std::vector<std::string> acknowledged;  // the names of the events

  bool read(Delivery& delivery, const ReadLimits& limits) override {
    asked.push_back(limits);
    if (reads.empty()) {
      timer_.advance(limits.wait);
      return on_idle();
    }
    const Step step = std::move(reads.front());
    reads.pop_front();
    if (delivery.session == 0) delivery.session = 1;
    step(delivery, limits);
    return true;
  }

  void acknowledge(const Delivery& delivery) override {
    on_acknowledge(delivery);
    for (const Event& event : delivery.batch) acknowledged.emplace_back(event.name);
  }

 private:
  ManualTimer& timer_;
};

// Gives these events.
inline ScriptedSource::Step give(Batch events) {
  return [events = std::move(events)](Delivery& delivery, const ReadLimits&) {
    delivery.batch.append(events);
  };
}

}  // namespace eventcollect::test
