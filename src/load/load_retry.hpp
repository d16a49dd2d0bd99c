// Trying again what failed in a load, as its options say.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <stop_token>

#include "eventcollect/error.hpp"
#include "eventcollect/load.hpp"
#include "eventcollect/retry.hpp"

namespace eventcollect::loading {

// One thread at a time.
class LoadRetry {
 public:
  // Both have to outlive it.
  LoadRetry(const LoadOptions& options, const std::stop_token& stop)
      : options_{options}, stop_{stop} {}

  // Does `work` until it does not throw Error, or until a stop. Throws the Error after which it is
  // not to be tried again.
  template <typename Work>
  void persist(const Work& work) {
    Backoff backoff{options_.retry};
    for (;;) {
      try {
        return work();
      } catch (const Error& error) {
        if (!wait_after(error, backoff)) throw;
      }
      if (stop_.stop_requested()) return;
    }
  }

  // Does `work`, within persist(), after whose failure nothing is tried again.
  template <typename Work>
  void once(const Work& work) {
    try {
      work();
    } catch (...) {
      has_failed_ = true;
      throw;
    }
  }

  // Counts a retry, and tells of it.
  void note(const std::exception& error, std::chrono::milliseconds wait);

  void report(const std::exception& error, std::chrono::milliseconds wait) const;

  std::uint64_t retries() const { return retries_; }

 private:
  bool wait_after(const Error& error, Backoff& backoff);

  const LoadOptions& options_;
  const std::stop_token& stop_;
  std::uint64_t retries_ = 0;
  bool has_failed_ = false;
};

}  // namespace eventcollect::loading
