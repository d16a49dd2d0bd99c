#include "eventcollect/retry.hpp"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "eventcollect/url.hpp"
#include "sink/guard.hpp"

namespace eventcollect {

using sink::checked_write;
using sink::guard;
using std::chrono::milliseconds;

namespace {

Backoff::Random seeded_random() {
  return [engine = std::mt19937_64{std::random_device{}()}]() mutable { return engine(); };
}

}  // namespace

Backoff::Backoff(const RetryPolicy& policy, Random random)
    : policy_{policy},
      random_{random ? std::move(random) : seeded_random()},
      bound_{policy.first_wait} {
  if (policy_.first_wait <= milliseconds{0} || policy_.max_wait < policy_.first_wait ||
      policy_.give_up_after < milliseconds{0}) {
    throw ConfigError{
        "a retry policy needs a first wait above zero, a longest wait that is not shorter, and no "
        "negative time to give up after"};
  }
}

std::optional<milliseconds> Backoff::next(std::chrono::steady_clock::time_point now) {
  if (failures_++ == 0) first_failure_ = now;
  const auto span = static_cast<std::uint64_t>(bound_.count()) + 1;
  const milliseconds wait{static_cast<milliseconds::rep>(random_() % span)};
  bound_ = bound_ < policy_.max_wait - bound_ ? 2 * bound_ : policy_.max_wait;
  if (policy_.give_up_after == milliseconds{0}) return wait;
  const auto left = std::chrono::ceil<milliseconds>(first_failure_ + policy_.give_up_after - now);
  if (left <= milliseconds{0}) return {};
  return std::min(wait, left);
}

std::optional<milliseconds> Backoff::next(const Error& error,
                                          std::chrono::steady_clock::time_point now) {
  if (error.kind() == Error::misconfigured && !policy_.retry_misconfigured) return {};
  return next(now);
}

void Backoff::reset() {
  bound_ = policy_.first_wait;
  failures_ = 0;
}

RetrySink::RetrySink(std::shared_ptr<Sink> inner, const RetryPolicy& policy, OnRetry on_retry,
                     std::stop_token stop, Timer& timer)
    : inner_{std::move(inner)},
      policy_{policy},
      on_retry_{std::move(on_retry)},
      stop_{std::move(stop)},
      timer_{timer} {
  const Backoff checked{policy};
}

void RetrySink::write(const Batch& batch, Rejections& rejections) {
  Backoff backoff{policy_};
  bool is_in_doubt = false;
  for (;;) {
    Rejections of_attempt;
    const auto error = guard([&] { checked_write(*inner_, batch, of_attempt); });
    if (!error) return rejections.add(of_attempt);

    is_in_doubt = is_in_doubt || error->kind() == Error::in_doubt;
    std::optional<milliseconds> wait;
    if (!stop_.stop_requested()) wait = backoff.next(*error, timer_.now());
    if (wait && on_retry_) on_retry_(*error, backoff.failures(), *wait);
    if (!wait || !timer_.wait(*wait, stop_)) {
      throw Error{is_in_doubt ? Error::in_doubt : error->kind(), error->what()};
    }
  }
}

void RetrySink::maintain() { inner_->maintain(); }

}  // namespace eventcollect
