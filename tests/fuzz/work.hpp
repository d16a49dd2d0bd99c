// Limits what an input may cost: one that costs out of proportion to its bytes is how strangers
// attack. To be included by one file of a program, since it replaces operator new.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "fuzz/require.hpp"
#include "support/replaced_new.hpp"

namespace eventcollect::fuzz {

// Of all threads, since the start.
inline std::atomic<std::size_t> allocated_bytes{0};

// What an input may cost.
struct WorkLimit {
  std::size_t fixed_bytes = 0;      // allocated for any input
  std::size_t bytes_per_byte = 0;   // and for each of its bytes; what is put out is part of that
  std::size_t copies_per_byte = 0;  // time, in that of one of our simplest functions for a byte
};

// Nanoseconds of all threads.
inline double cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return 1e9 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec);
}

// What it takes this build on this machine to copy a byte with the simplest of our functions.
inline double time_of_a_byte() {
  static const double time = [] {
    const std::string text(1 << 20, 'x');
    double shortest = 1e9;
    for (int round = 0; round < 5; ++round) {
      std::string copy;
      const double begin = cpu_time();
      base::append_percent_encoded(copy, text);
      shortest = std::min(shortest, cpu_time() - begin);
    }
    return shortest / static_cast<double>(text.size());
  }();
  return time;
}

// Requires that `check(input)` stays within the limit. Time is counted in that of the processor, a
// tenth of a second is always granted, and what was slow only once may try again: then only work
// out of all proportion fails, on any machine.
template <typename Check>
void limit_work(std::string_view input, WorkLimit limit, Check&& check) {
  const std::size_t max_bytes = limit.fixed_bytes + limit.bytes_per_byte * input.size();
  const std::size_t max_copies = limit.copies_per_byte * input.size();
  const double max_time = 1e8 + time_of_a_byte() * static_cast<double>(max_copies);
  bool is_in_time = false;
  for (int attempt = 0; attempt < 3 && !is_in_time; ++attempt) {
    const std::size_t before = allocated_bytes;
    const double begin = cpu_time();
    check(input);
    is_in_time = cpu_time() - begin <= max_time;
    require(allocated_bytes - before <= max_bytes, "memory is in proportion to the input");
  }
  require(is_in_time, "time is in proportion to the input");
}

}  // namespace eventcollect::fuzz

inline bool eventcollect::test::may_allocate(std::size_t bytes) noexcept {
  eventcollect::fuzz::allocated_bytes.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}
