// A sink that does what a test tells it, call by call.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "eventcollect/memory.hpp"
#include "eventcollect/sink.hpp"
#include "support/failing.hpp"

namespace eventcollect::test {

// One thread at a time; `memory` may be read from any thread.
class ScriptedSink final : public Sink {
 public:
  using Step = std::function<void(const Batch&, Rejections&)>;

  std::deque<Step> steps;  // one for each write to come; without one it stores
  Step always = [](const Batch&, Rejections&) {};  // what each write does first
  std::function<void()> on_maintain = [] {};
  std::size_t writes = 0;                        // that were begun
  std::vector<std::vector<std::string>> stored;  // the names of the events, by batch
  MemorySink memory;                             // the same events

  void write(const Batch& batch, Rejections& rejections) override {
    ++writes;
    always(batch, rejections);
    if (!steps.empty()) {
      const Step step = std::move(steps.front());
      steps.pop_front();
      step(batch, rejections);
    }
    memory.write(batch, rejections);
    auto& names = stored.emplace_back();
    for (const Event& event : batch) {
      if (!rejections.contains(event)) names.emplace_back(event.name);
    }
  }

  void maintain() override { on_maintain(); }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& batch : stored) all.insert(all.end(), batch.begin(), batch.end());
    return all;
  }
};

}  // namespace eventcollect::test
