// How far a file log is durable, told to those who read it in the same process.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "base/file_system.hpp"

namespace eventcollect {

// Safe from any thread.
class FileProgress {
 public:
  struct Place {
    std::uint64_t sequence = 0;              // of the file that grows; all before it are sealed
    std::uint64_t durable_bytes = 0;         // of it
    std::shared_ptr<const Descriptor> file{};  // it, whatever its name; null while there is none
  };

  void set(Place place) {
    const std::lock_guard lock{mutex_};
    place_ = std::move(place);
    moved_.notify_all();
  }

  Place place() const {
    const std::lock_guard lock{mutex_};
    return place_;
  }

  // Waits, at most for `wait`, until it is no longer at `seen`.
  void wait_beyond(const Place& seen, std::chrono::milliseconds wait) const {
    std::unique_lock lock{mutex_};
    moved_.wait_for(lock, wait, [&] {
      return place_.sequence != seen.sequence || place_.durable_bytes != seen.durable_bytes;
    });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable moved_;
  Place place_;
};

}  // namespace eventcollect
