// What the loops of a front have in common.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "http/byte_budget.hpp"
#include "http/handler.hpp"
#include "http/limits.hpp"
#include "http/socket.hpp"
#include "http/statistics.hpp"

namespace eventcollect::http {

// How many more there can be than Limits::max_connections, for a moment.
inline constexpr std::size_t max_connections_over_bound = 64;

struct Shared {
  Shared(Handler& handler_, const Limits& limits_)
      : handler{handler_}, limits{limits_}, buffered{limits_.max_buffered_bytes} {}

  Handler& handler;
  Limits limits;
  Socket listener;
  Counters counters;
  ByteBudget buffered;
  std::atomic<bool> last_answers{false};  // each answer is the last of its connection
  std::atomic<bool> stopping{false};      // no new connections, no idle ones
  std::atomic<bool> abandoning{false};    // and no others either

  std::mutex mutex;
  std::condition_variable loop_ended;
  std::size_t loops_running = 0;
};

}  // namespace eventcollect::http
