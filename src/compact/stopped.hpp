// How compact() ends early.
#pragma once

#include <stop_token>

namespace eventcollect::compaction {

// compact() was told to stop. No error, so no std::exception.
struct Stopped {};

inline void check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Stopped{};
}

}  // namespace eventcollect::compaction
