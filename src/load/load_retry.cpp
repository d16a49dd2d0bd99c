#include "load/load_retry.hpp"

namespace eventcollect::loading {

using std::chrono::milliseconds;

// False where the error is to be thrown.
bool LoadRetry::wait_after(const Error& error, Backoff& backoff) {
  if (stop_.stop_requested()) {
    report(error, milliseconds{0});
    return true;
  }
  if (has_failed_) return false;
  const auto wait = backoff.next(error, options_.timer->now());
  if (!wait) return false;
  note(error, *wait);
  options_.timer->wait(*wait, stop_);
  return true;
}

void LoadRetry::note(const std::exception& error, milliseconds wait) {
  ++retries_;
  report(error, wait);
}

void LoadRetry::report(const std::exception& error, milliseconds wait) const {
  if (options_.on_failure) options_.on_failure(error, wait);
}

}  // namespace eventcollect::loading
