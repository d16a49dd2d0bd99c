// Waiting that a stop ends at once, and the time that passes meanwhile.
//
//   if (!steady_timer().wait(5s, stop)) return;   // a stop was requested
//
// Everything that waits takes a Timer, so that a test needs no time to pass.
#pragma once

#include <chrono>
#include <stop_token>

namespace eventcollect {

// Implementations are safe to call from any thread.
class Timer {
 public:
  virtual ~Timer() = default;

  // Never goes back. Only differences mean something.
  virtual std::chrono::steady_clock::time_point now() = 0;

  // Returns after `span`, or as soon as a stop is requested. Whether none was.
  virtual bool wait(std::chrono::milliseconds span, const std::stop_token& stop) = 0;
};

// The machine's monotonic clock (std::chrono::steady_clock).
Timer& steady_timer();

}  // namespace eventcollect
