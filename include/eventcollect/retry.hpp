// Trying again, with waits that grow and are random.
//
//   auto retrying = std::make_shared<RetrySink>(open_sink("postgres://…"),
//                                              RetryPolicy{.give_up_after = 1h}, report);
//
// For pumps, which have all the time in the world. Not for a sink behind a Collector: its clients
// wait, and send again themselves.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "eventcollect/sink.hpp"
#include "eventcollect/timer.hpp"

namespace eventcollect {

// How long to wait between attempts: a random time up to a bound that doubles with each failure.
// This is "full jitter" (AWS Architecture Blog, "Exponential Backoff And Jitter"): those who failed
// together do not come back together.
struct RetryPolicy {
  std::chrono::milliseconds first_wait{100};   // the bound of the first wait; above zero
  std::chrono::milliseconds max_wait{30'000};  // the bound of every wait; at least first_wait
  // Since the first failure of a series. The last attempt is made when it is over. Zero: never.
  std::chrono::milliseconds give_up_after{0};
  bool retry_misconfigured = false;  // also wait for an operator to mend what is misconfigured
};

// The waits of one series of failures. One thread at a time.
class Backoff {
 public:
  using Random = std::function<std::uint64_t()>;  // 64 random bits with each call

  // Throws ConfigError where the policy makes no sense. Without a `random`, one with a seed of its
  // own.
  explicit Backoff(const RetryPolicy& policy, Random random = {});

  // How long to wait before the next attempt, after one that failed at `now`; nothing if it is time
  // to give up.
  std::optional<std::chrono::milliseconds> next(std::chrono::steady_clock::time_point now);

  // The same after `error`. Nothing, too, where that is misconfigured, unless the policy retries
  // it.
  std::optional<std::chrono::milliseconds> next(const Error& error,
                                                std::chrono::steady_clock::time_point now);

  // How often the plain next() was called in this series, by the other one as well.
  std::uint64_t failures() const { return failures_; }

  // The series is over: an attempt succeeded.
  void reset();

 private:
  RetryPolicy policy_;
  Random random_;
  std::chrono::milliseconds bound_;
  std::chrono::steady_clock::time_point first_failure_;
  std::uint64_t failures_ = 0;
};

// Writes until the inner sink has it.
class RetrySink final : public Sink {
 public:
  // Called before each wait, by the thread that writes: what failed, how many attempts have failed
  // so far, and how long until the next.
  using OnRetry = std::function<void(const Error& error, std::uint64_t failures,
                                     std::chrono::milliseconds wait)>;

  // `inner` may not be null; `timer` has to outlive the sink. A stop ends waits, never an attempt.
  // Throws ConfigError where the policy makes no sense.
  explicit RetrySink(std::shared_ptr<Sink> inner, const RetryPolicy& policy = {},
                     OnRetry on_retry = {}, std::stop_token stop = {},
                     Timer& timer = steady_timer());

  // Tries at least once. What a failed attempt rejected is forgotten. Throws Error when it gives
  // up, at a stop, and at once where the inner sink is misconfigured, if the policy does not say
  // otherwise: with the message of the last attempt, and its kind, but in doubt if any attempt was.
  void write(const Batch& batch, Rejections& rejections) override;

  // Maintains the inner sink, once: it is called again.
  void maintain() override;

 private:
  std::shared_ptr<Sink> inner_;
  RetryPolicy policy_;
  OnRetry on_retry_;
  std::stop_token stop_;
  Timer& timer_;
};

}  // namespace eventcollect
