// A deadline for a library that has none while it sends.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace eventcollect::amqp {

using SteadyTime = std::chrono::steady_clock::time_point;
inline constexpr SteadyTime at_once{};  // a deadline that is over

// Shuts a socket down at a deadline, which makes a wait on it fail. Safe from any thread.
class Watchdog {
 public:
  // Keeps a duplicate of `socket`: the library may close its own, and the number become another's.
  // Throws std::system_error.
  explicit Watchdog(int socket);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void arm(SteadyTime deadline);
  void disarm();
  bool has_bitten() const;

 private:
  void run();

  const int socket_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<SteadyTime> deadline_;
  SteadyTime wakes_at_ = SteadyTime::max();  // the thread
  bool has_bitten_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

// Armed for a scope.
class Watch {
 public:
  Watch(Watchdog& watchdog, SteadyTime deadline) : watchdog_{watchdog} { watchdog_.arm(deadline); }
  ~Watch() { watchdog_.disarm(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  Watchdog& watchdog_;
};

}  // namespace eventcollect::amqp
