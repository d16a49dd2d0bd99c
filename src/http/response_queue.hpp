// How answers reach a front's loop.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "eventcollect/http.hpp"
#include "http/socket.hpp"

namespace eventcollect::http {

// Takes the answers to a loop's requests from any thread. Outlives the loop as long as an answer is
// due. Its bound is the number of requests with the handler, for which reserve() makes room.
class ResponseQueue {
 public:
  struct Entry {
    std::uint64_t client = 0;
    std::uint32_t wait = 0;  // of the client's, for this answer
    Response response{};
  };

  ResponseQueue() : event_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
    if (event_.get() < 0) throw_errno("eventfd");
  }

  // Becomes readable when the loop has to wake up.
  int descriptor() const { return event_.get(); }

  // Room for so many entries that are put before the next is taken: put() needs no memory then.
  void reserve(std::size_t entries) {
    const std::lock_guard lock{mutex_};
    entries_.reserve(entries);
  }

  void put(Entry entry) {
    bool is_asleep = false;
    {
      const std::lock_guard lock{mutex_};
      entries_.push_back(std::move(entry));
      is_asleep = std::exchange(is_asleep_, false);
    }
    if (is_asleep) wake();
  }

  void wake() {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(event_.get(), &one, sizeof(one)));
  }

  // The loop's: clears the descriptor.
  void clear() {
    std::uint64_t count = 0;
    static_cast<void>(!::read(event_.get(), &count, sizeof(count)));
  }

  // The loop's: true if there is nothing to take. The next put() then wakes it.
  bool fall_asleep() {
    const std::lock_guard lock{mutex_};
    is_asleep_ = entries_.empty();
    return is_asleep_;
  }

  // The loop's: swaps the entries into `out`, which has to be empty and to have as much room as was
  // reserved. It is awake from now on, and put() has no system call to make.
  void take(std::vector<Entry>& out) {
    const std::lock_guard lock{mutex_};
    is_asleep_ = false;
    entries_.swap(out);
  }

 private:
  Socket event_;
  std::mutex mutex_;
  std::vector<Entry> entries_;
  bool is_asleep_ = false;
};

}  // namespace eventcollect::http
