// What a collector and an endpoint count. Each number is right, but those of a snapshot may be of
// different instants.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "eventcollect/codes.hpp"

namespace eventcollect {

// How long writes took, as a histogram: counts[i] of them took at most bounds[i] seconds and more
// than the bound before; the last count is for all longer ones.
struct DurationHistogram {
  static constexpr std::array<double, 12> bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                 0.01,   0.025,   0.1,    0.25,  1.0,    10.0};
  std::array<std::uint64_t, bounds.size() + 1> counts{};
  double sum_seconds = 0;
};

// What became of the batches that were handed to one sink.
struct SinkStatistics {
  std::uint64_t events_stored = 0;
  std::uint64_t events_rejected = 0;  // by the sink
  std::uint64_t events_lost = 0;      // kept across failures, then given up
  std::uint64_t batches_stored = 0;
  std::array<std::uint64_t, 3> failures{};  // by Error::Kind: failed calls of write and maintain
  std::uint64_t queue_full = 0;             // submissions rejected at the bound
  std::uint64_t deadlines_missed = 0;       // submissions not confirmed in time
  std::uint64_t queued_events = 0;          // now, those being written included
  std::uint64_t queued_bytes = 0;           // now
  DurationHistogram write_seconds{};
  bool ready = false;  // see Collector::ready
};

struct CollectorStatistics {
  std::string name{};  // CollectorOptions::name
  SinkStatistics sink{};
  SinkStatistics dead_letters{};  // ready, and otherwise zero, where no sink for them was given
  std::uint64_t dead_letters_over_rate = 0;                       // not handed to that sink
  std::uint64_t events_accepted = 0;                              // by the rules
  std::array<std::uint64_t, all_codes.size()> events_rejected{};  // by code_index()
};

// The answers that an endpoint has given: an HTTP status and how often, by status.
struct EndpointStatistics {
  std::vector<std::pair<int, std::uint64_t>> responses;
};

}  // namespace eventcollect
