// What the loops of a front have in common.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "http/byte_budget.hpp"
#include "http/handler.hpp"
#include "http/limits.hpp"
#include "http/loop_states.hpp"
#include "http/socket.hpp"
#include "http/statistics.hpp"

namespace eventcollect::http {

// How many more there can be than Limits::max_connections, and bytes than the other bounds, until
// all loops have seen to it.
inline constexpr std::size_t max_connections_over_bound = 64;
inline constexpr std::size_t max_bytes_over_bound = std::size_t{8} << 20;

struct Shared {
  Shared(Handler& handler_, std::size_t threads, const Limits& limits_)
      : handler{handler_},
        limits{limits_},
        buffered{limits.max_buffered_bytes, slack(limits.max_buffered_bytes)},
        unsent{limits.max_unsent_bytes, SIZE_MAX - limits.max_unsent_bytes},
        loops(threads) {}

  static std::size_t slack(std::size_t bound) { return std::min(bound / 2, max_bytes_over_bound); }

  bool is_far_over_unsent() const {
    return unsent.used() > limits.max_unsent_bytes + slack(limits.max_unsent_bytes);
  }

  Handler& handler;
  Limits limits;
  Socket listener;
  Counters counters;
  ByteBudget buffered;                    // requests that are not complete
  ByteBudget unsent;                      // answers that clients do not take
  std::atomic<bool> last_answers{false};  // each answer is the last of its connection
  std::atomic<bool> stopping{false};      // no new connections, no idle ones
  std::atomic<bool> abandoning{false};    // and no others either

  LoopStates loops;

  std::mutex mutex;
  std::condition_variable loop_ended;
  std::size_t loops_running = 0;
};

}  // namespace eventcollect::http
