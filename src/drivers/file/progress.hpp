// How far a file log is durable, for readers in the same process.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "base/file_system.hpp"

namespace eventcollect::file {

// Safe from any thread.
class Progress {
 public:
  struct State {
    std::uint64_t sequence = 0;       // of the growing file; all before it are sealed
    std::uint64_t durable_bytes = 0;  // of the growing file
    std::shared_ptr<const base::Descriptor> file{};  // the growing file; null while there is none
  };

  void set(State state) {
    const std::lock_guard lock{mutex_};
    state_ = std::move(state);
    moved_.notify_all();
  }

  State state() const {
    const std::lock_guard lock{mutex_};
    return state_;
  }

  // Waits until the state is no longer `seen`, at most for `wait`.
  void wait_beyond(const State& seen, std::chrono::milliseconds wait) const {
    std::unique_lock lock{mutex_};
    moved_.wait_for(lock, wait, [&] {
      return state_.sequence != seen.sequence || state_.durable_bytes != seen.durable_bytes;
    });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable moved_;
  State state_;
};

}  // namespace eventcollect::file
