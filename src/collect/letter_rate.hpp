// How much of what strangers send may be kept in a minute.
#pragma once

#include <cstddef>
#include <mutex>

#include "eventcollect/clock.hpp"

namespace eventcollect::collect {

// As many bytes as a minute gives may come at once; what was taken comes back over the next minute.
// Safe from any thread.
class LetterRate {
 public:
  explicit LetterRate(std::size_t max_bytes_per_minute)
      : max_bytes_{static_cast<double>(max_bytes_per_minute)}, left_bytes_{max_bytes_} {}

  // Takes `bytes`. False, and nothing is taken, where fewer are left.
  bool take(TimePoint now, std::size_t bytes);

  // Takes `bytes` whether they are left or not: what comes next waits for them.
  void charge(std::size_t bytes);

 private:
  const double max_bytes_;
  std::mutex mutex_;
  double left_bytes_;
  TimePoint counted_until_{};
};

}  // namespace eventcollect::collect
