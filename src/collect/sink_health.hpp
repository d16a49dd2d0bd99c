// What the calls of a sink say of it, and when it is to be called next.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "collect/submission.hpp"
#include "eventcollect/retry.hpp"

namespace eventcollect::collect {

// Whether a sink can store an event now. Not ready before its first success.
//
// After a write that failed the sink is maintained at once, and nothing is written before. It is
// known to be down when that fails, too, or when the next write fails: then it is only maintained,
// in waits that grow, until that succeeds. One thread at a time.
class SinkHealth {
 public:
  struct Options {
    std::chrono::milliseconds maintain_interval;  // above zero; bounds the waits of retries, too
    std::chrono::milliseconds timeout;            // a call that takes longer makes it not ready
  };

  enum class Call : std::uint8_t {
    maintain,
    write,
    lone_retry,  // a write of one kept submission, which may fail through a fault of its own
  };

  // It is maintained at once: a sink that connects when it is first called shows whether it can.
  SinkHealth(Options options, SteadyTime now, Backoff::Random random = {});

  void begin_call(SteadyTime now) { calling_since_ = now; }

  // True if this success is the first after a failure.
  bool end_call(Call call, SteadyTime now, const std::optional<Error>& failure);

  // There was no memory for a retry: it has to wait like after a failure.
  void postpone_retry(SteadyTime now);

  bool may_write() const { return state_ == State::working; }
  bool is_down() const { return state_ == State::down; }

  // What new events are told while it is down.
  const Error& refusal() const { return *refusal_; }

  SteadyTime maintain_at() const { return maintain_at_; }

  // When what was kept may be written again, if anything may be written.
  SteadyTime retry_at() const { return retry_at_; }

  bool is_ready(SteadyTime now) const {
    const bool hangs = calling_since_ && now - *calling_since_ > options_.timeout;
    return was_seen_working_ && state_ == State::working && !hangs;
  }

 private:
  enum class State : std::uint8_t { working, doubtful, down };

  void note_success(Call call, SteadyTime now);
  void note_failure(Call call, SteadyTime now, const Error& failure);

  const Options options_;
  Backoff backoff_;  // since the last write that succeeded
  State state_ = State::working;
  std::optional<Error> refusal_;
  SteadyTime maintain_at_;
  SteadyTime retry_at_{};
  std::optional<SteadyTime> calling_since_;  // during a call
  bool was_seen_working_ = false;
  bool has_write_failed_ = false;       // since the last one that succeeded
  bool has_lone_retry_failed_ = false;  // likewise
};

}  // namespace eventcollect::collect
