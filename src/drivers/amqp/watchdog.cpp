#include "drivers/amqp/watchdog.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace eventcollect::amqp {
namespace {

int duplicate(int socket) {
  const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw std::system_error{errno, std::generic_category(), "amqp: a socket"};
  return copy;
}

}  // namespace

Watchdog::Watchdog(int socket) : socket_{duplicate(socket)} {
  try {
    thread_ = std::thread{[this] { run(); }};
  } catch (...) {
    ::close(socket_);
    throw;
  }
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
  ::close(socket_);
}

void Watchdog::arm(SteadyTime deadline) {
  const std::lock_guard lock{mutex_};
  deadline_ = deadline;
  // A thread that wakes earlier finds the deadline by itself: a busy sink wakes it only once in the
  // length of a deadline, not for each batch.
  if (deadline < wakes_at_) changed_.notify_one();
}

void Watchdog::disarm() {
  const std::lock_guard lock{mutex_};
  deadline_.reset();
}

bool Watchdog::has_bitten() const {
  const std::lock_guard lock{mutex_};
  return has_bitten_;
}

void Watchdog::run() {
  std::unique_lock lock{mutex_};
  while (!is_stopping_) {
    if (!deadline_) {
      wakes_at_ = SteadyTime::max();
      changed_.wait(lock);
    } else if (std::chrono::steady_clock::now() < *deadline_) {
      wakes_at_ = *deadline_;
      const SteadyTime until = wakes_at_;
      changed_.wait_until(lock, until);
    } else {
      has_bitten_ = true;
      deadline_.reset();
      ::shutdown(socket_, SHUT_RDWR);
    }
  }
}

}  // namespace eventcollect::amqp
