// A sink that does what a test tells it, call by call.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "eventcollect/sink.hpp"

namespace eventcollect::test {

// One thread at a time.
class ScriptedSink final : public Sink {
 public:
  using Step = std::function<void(const Batch&)>;

  std::deque<Step> steps;             // one for each write to come; without one it stores
  Step always = [](const Batch&) {};  // what each write does first
  std::function<void()> on_tend = [] {};
  std::size_t writes = 0;                        // that were begun
  std::vector<std::vector<std::string>> stored;  // the names of the events, by batch

  void write(const Batch& batch) override {
    ++writes;
    always(batch);
    if (!steps.empty()) {
      const Step step = std::move(steps.front());
      steps.pop_front();
      step(batch);
    }
    std::vector<bool> is_refused(batch.size());
    for (const Batch::Refusal& refusal : batch.refusals()) is_refused[refusal.index] = true;
    auto& names = stored.emplace_back();
    for (const Event& event : batch.events()) {
      if (!is_refused[event.index]) names.emplace_back(event.name);
    }
  }

  void tend() override { on_tend(); }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& batch : stored) all.insert(all.end(), batch.begin(), batch.end());
    return all;
  }
};

inline ScriptedSink::Step fail(SinkError::Kind kind, std::string message = "told to fail") {
  return [kind, message = std::move(message)](const Batch&) { throw SinkError{kind, message}; };
}

}  // namespace eventcollect::test
