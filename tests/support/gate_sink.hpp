// A sink that a test holds in its hand: it stops in write() until told to go on, and then does what
// it was told.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "eventcollect/sink.hpp"
#include "support/wait.hpp"

namespace eventcollect::test {

class GateSink final : public Sink {
 public:
  using Behaviour = std::function<void(const Batch&, Rejections&)>;

  // Lets the next write go on, to store its batch or to do what `behaviour` does first.
  void let_one(Behaviour behaviour = {}) {
    const std::lock_guard lock{mutex_};
    allowed_.push_back(std::move(behaviour));
    changed_.notify_all();
  }

  // Lets all writes go on from now on.
  void let_all(Behaviour behaviour = {}) {
    const std::lock_guard lock{mutex_};
    always_ = std::move(behaviour);
    is_open_ = true;
    changed_.notify_all();
  }

  // What maintain() does from now on.
  void on_maintain(std::function<void()> behaviour) {
    const std::lock_guard lock{mutex_};
    maintain_ = std::move(behaviour);
  }

  // Waits until `count` writes have begun so far.
  void wait_for_writes(std::size_t count) {
    std::unique_lock lock{mutex_};
    const bool come = changed_.wait_for(lock, wait_limit, [&] { return begun_ >= count; });
    REQUIRE(come);
  }

  void wait_for_maintains(std::size_t count) {
    std::unique_lock lock{mutex_};
    const bool come = changed_.wait_for(lock, wait_limit, [&] { return maintained_ >= count; });
    REQUIRE(come);
  }

  // How many writes have begun so far.
  std::size_t writes() const {
    const std::lock_guard lock{mutex_};
    return begun_;
  }

  // The names of the events of each batch that was stored.
  std::vector<std::vector<std::string>> batches() const {
    const std::lock_guard lock{mutex_};
    return stored_;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& batch : batches()) all.insert(all.end(), batch.begin(), batch.end());
    return all;
  }

  void write(const Batch& batch, Rejections& rejections) override {
    Behaviour behaviour;
    {
      std::unique_lock lock{mutex_};
      ++begun_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return is_open_ || !allowed_.empty(); });
      if (allowed_.empty()) {
        behaviour = always_;
      } else {
        behaviour = std::move(allowed_.front());
        allowed_.pop_front();
      }
    }
    if (behaviour) behaviour(batch, rejections);
    const std::lock_guard lock{mutex_};
    auto& names = stored_.emplace_back();
    for (const Event& event : batch) names.emplace_back(event.name);
  }

  void maintain() override {
    std::function<void()> behaviour;
    {
      const std::lock_guard lock{mutex_};
      ++maintained_;
      changed_.notify_all();
      behaviour = maintain_;
    }
    if (behaviour) behaviour();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Behaviour> allowed_;
  Behaviour always_;
  std::function<void()> maintain_;
  bool is_open_ = false;
  std::size_t begun_ = 0;
  std::size_t maintained_ = 0;
  std::vector<std::vector<std::string>> stored_;
};

inline GateSink::Behaviour throwing(Error::Kind kind) {
  return [kind](const Batch&, Rejections&) { throw Error{kind, "told to fail"}; };
}

}  // namespace eventcollect::test
