// Waits for many descriptors at once.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "http/socket.hpp"

namespace eventcollect::http {

// One thread at a time.
class Poller {
 public:
  // Throws std::runtime_error.
  Poller();

  // Reports `events` (see epoll_ctl(2)) of the descriptor with this token from now on, until it is
  // closed. Throws std::runtime_error.
  void add(int descriptor, std::uint32_t events, std::uint64_t token);
  void remove(int descriptor);

  // What happened, within `timeout_milliseconds`, without end for -1. Lasts until the next call.
  std::span<const epoll_event> wait(int timeout_milliseconds);

 private:
  Socket epoll_;
  std::array<epoll_event, 256> events_{};
};

}  // namespace eventcollect::http
