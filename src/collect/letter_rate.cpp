#include "collect/letter_rate.hpp"

#include <algorithm>
#include <chrono>

namespace eventcollect::collect {

bool LetterRate::take(TimePoint now, std::size_t bytes) {
  using Minutes = std::chrono::duration<double, std::chrono::minutes::period>;
  const std::lock_guard lock{mutex_};
  // Threads come a little out of order, which gives nothing; nor does a clock that is set back.
  const double passed = Minutes{now - counted_until_}.count();
  left_bytes_ = std::min(max_bytes_, left_bytes_ + std::max(0.0, passed) * max_bytes_);
  if (passed > 0 || passed < -1) counted_until_ = now;
  const auto wanted = static_cast<double>(bytes);
  if (wanted > left_bytes_) return false;
  left_bytes_ -= wanted;
  return true;
}

void LetterRate::charge(std::size_t bytes) {
  const std::lock_guard lock{mutex_};
  left_bytes_ -= static_cast<double>(bytes);
}

}  // namespace eventcollect::collect
