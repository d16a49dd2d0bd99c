#include "collect/sink_health.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "sink/guard.hpp"

namespace eventcollect::collect {
namespace {

RetryPolicy retry_policy(std::chrono::milliseconds max_wait) {
  constexpr std::chrono::milliseconds first_wait{10};
  RetryPolicy policy;
  policy.first_wait = std::min(first_wait, max_wait);
  policy.max_wait = max_wait;
  return policy;
}

// New events were not given to the sink, so nothing about them is in doubt.
Error refusal_after(const Error& failure) {
  try {
    return {failure.kind() == Error::in_doubt ? Error::unavailable : failure.kind(),
            std::string{"the sink is down: "} + failure.what()};
  } catch (const std::bad_alloc&) {
    return sink::out_of_memory();
  }
}

}  // namespace

SinkHealth::SinkHealth(Options options, SteadyTime now, Backoff::Random random)
    : options_{options},
      backoff_{retry_policy(options.maintain_interval), std::move(random)},
      maintain_at_{now} {}

bool SinkHealth::end_call(Call call, SteadyTime now, const std::optional<Error>& failure) {
  calling_since_.reset();
  const bool has_failed = state_ != State::working;
  if (failure) {
    note_failure(call, now, *failure);
  } else {
    note_success(call, now);
  }
  return has_failed && !failure;
}

void SinkHealth::postpone_retry(SteadyTime now) {
  retry_at_ = now + *backoff_.next(now);  // the policy never gives up
}

void SinkHealth::note_success(Call call, SteadyTime now) {
  const bool was_down = state_ == State::down;
  state_ = State::working;
  was_seen_working_ = true;
  refusal_.reset();
  maintain_at_ = now + options_.maintain_interval;
  if (call != Call::maintain) has_write_failed_ = false;
  if (call == Call::lone_retry) has_lone_retry_failed_ = false;
  // What failed alone waits its turn, however well the others fare.
  if (call != Call::maintain && !has_lone_retry_failed_) {
    backoff_.reset();
    retry_at_ = now;
  }
  if (was_down) retry_at_ = now;
}

void SinkHealth::note_failure(Call call, SteadyTime now, const Error& failure) {
  if (call == Call::lone_retry) has_lone_retry_failed_ = true;
  const bool is_first_write = call == Call::write && !std::exchange(has_write_failed_, true);
  retry_at_ = now;
  if (!is_first_write) postpone_retry(now);
  if (is_first_write || call == Call::lone_retry) {
    state_ = State::doubtful;
    maintain_at_ = now;
  } else {
    state_ = State::down;
    refusal_ = refusal_after(failure);
    maintain_at_ = retry_at_;
  }
}

}  // namespace eventcollect::collect
