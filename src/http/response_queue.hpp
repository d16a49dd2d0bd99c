// How answers come back to a front's loop.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "eventcollect/http.hpp"
#include "http/socket.hpp"

namespace eventcollect {

// Where answers for the connections of a loop arrive from other threads. It outlives the loop as
// long as an answer is due.
class Mailbox {
 public:
  struct Letter {
    std::uint64_t connection;
    Response response;
  };

  Mailbox() : wake_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
    if (wake_.get() < 0) throw_errno("eventfd");
  }

  int descriptor() const { return wake_.get(); }

  void put(std::uint64_t connection, Response response) {
    bool was_empty = false;
    {
      const std::lock_guard lock{mutex_};
      was_empty = letters_.empty();
      letters_.push_back({connection, std::move(response)});
    }
    if (was_empty) wake();
  }

  void wake() {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_.get(), &one, sizeof(one)));
  }

  // Swaps the letters into `out`, which has to be empty.
  void take(std::vector<Letter>& out) {
    std::uint64_t count = 0;
    static_cast<void>(!::read(wake_.get(), &count, sizeof(count)));
    const std::lock_guard lock{mutex_};
    letters_.swap(out);
  }

 private:
  Socket wake_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
};

}  // namespace eventcollect
