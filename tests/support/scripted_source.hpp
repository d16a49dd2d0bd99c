// A source that gives what a test tells it, call by call.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "eventcollect/source.hpp"
#include "support/manual_timer.hpp"

namespace eventcollect::test {

// One thread at a time. Waits on a manual timer.
class ScriptedSource final : public Source {
 public:
  using Step = std::function<void(Delivery&, const Patience&)>;

  explicit ScriptedSource(ManualTimer& timer) : timer_{timer} {}

  std::deque<Step> reads;                                // one for each read to come
  std::function<bool()> on_idle = [] { return false; };  // after a wait in vain; false: the end
  std::function<void(const Delivery&)> on_acknowledge = [](const Delivery&) {};
  std::vector<Patience> asked;
  std::vector<std::string> acknowledged;  // the names of the events

  bool read(Delivery& delivery, const Patience& patience) override {
    asked.push_back(patience);
    if (reads.empty()) {
      timer_.advance(patience.wait);
      return on_idle();
    }
    const Step step = std::move(reads.front());
    reads.pop_front();
    if (delivery.session == 0) delivery.session = 1;
    step(delivery, patience);
    return true;
  }

  void acknowledge(const Delivery& delivery) override {
    on_acknowledge(delivery);
    for (const Event& event : delivery.batch.events()) acknowledged.emplace_back(event.name);
  }

 private:
  ManualTimer& timer_;
};

// Gives these events.
inline ScriptedSource::Step give(Batch events) {
  return [events = std::move(events)](Delivery& delivery, const Patience&) {
    delivery.batch.append(events);
  };
}

inline ScriptedSource::Step fail(SourceError::Kind kind, std::string message = "told to fail") {
  return [kind, message = std::move(message)](Delivery&, const Patience&) {
    throw SourceError{kind, message};
  };
}

}  // namespace eventcollect::test
