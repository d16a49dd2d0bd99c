// What the calls of a sink say of it.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "collect/submission.hpp"
#include "eventcollect/statistics.hpp"

namespace eventcollect::collect {

// Whether a sink can store an event now, and when it is to be called without new events. Not ready
// before its first success. One thread at a time.
class SinkHealth {
 public:
  struct Options {
    std::chrono::milliseconds maintain_interval;  // also of retries
    std::chrono::milliseconds timeout;            // a call that takes longer makes it not ready
  };

  // It is maintained at once: a sink that connects when it is first called shows whether it can.
  SinkHealth(Options options, SteadyTime now) : options_{options}, maintain_at_{now} {}

  void begin_call(SteadyTime now) { calling_since_ = now; }

  // True if this success is the first after a failure.
  bool end_call(SteadyTime now, const std::optional<Error>& failure) {
    calling_since_.reset();
    maintain_at_ = now + options_.maintain_interval;
    if (failure) {
      is_ready_ = false;
      has_failed_ = true;
      retry_at_ = now + options_.maintain_interval;
      return false;
    }
    is_ready_ = true;
    return std::exchange(has_failed_, false);
  }

  // A write has succeeded, so what failed before need not wait.
  void retry_at_once(SteadyTime now) { retry_at_ = now; }

  SteadyTime maintain_at() const { return maintain_at_; }
  SteadyTime retry_at() const { return retry_at_; }

  bool is_ready(SteadyTime now) const {
    const bool hangs = calling_since_ && now - *calling_since_ > options_.timeout;
    return is_ready_ && !hangs;
  }

 private:
  const Options options_;
  SteadyTime maintain_at_;
  SteadyTime retry_at_{};
  std::optional<SteadyTime> calling_since_;  // during a call
  bool is_ready_ = false;
  bool has_failed_ = false;  // in the last call
};

}  // namespace eventcollect::collect
