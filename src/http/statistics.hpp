// What a front counts.
#pragma once

#include <atomic>
#include <cstdint>

namespace eventcollect::http {

// Counts since the start, except for those that say how it is now.
struct Statistics {
  std::uint64_t connections_open = 0;  // now
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_evicted = 0;  // ended to keep a bound, before their time was over
  std::uint64_t requests_timed_out = 0;
  std::uint64_t requests_malformed = 0;
  std::uint64_t buffered_bytes = 0;  // now: of requests that are not complete
  std::uint64_t unsent_bytes = 0;    // now: of answers that clients do not take
};

// Safe from any thread.
struct Counters {
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> evicted{0};
  std::atomic<std::uint64_t> timed_out{0};
  std::atomic<std::uint64_t> malformed{0};
};

}  // namespace eventcollect::http
