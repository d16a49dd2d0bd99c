// Takes events from a source to a sink, and loses none on the way.
//
//   pump(*open_source("amqp://localhost/?queue=events"), *open_sink("postgres://…"),
//        {.max_events = 1'000, .max_age = 1s, .dead_letter = open_sink("file:dead")}, stop);
//
// It gathers a batch, writes it, makes durable elsewhere what the sink rejected, and only then
// acknowledges. So an interruption at any instant costs nothing: what was not acknowledged comes
// again, and the ids of the events make that harmless.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>

#include "eventcollect/clock.hpp"
#include "eventcollect/retry.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"
#include "eventcollect/timer.hpp"

namespace eventcollect {

// What a pump has done so far.
struct PumpStatistics {
  std::uint64_t batches = 0;     // that were acknowledged; the next three are of these
  std::uint64_t events = 0;      // stored
  std::uint64_t bytes = 0;       // of all lines, the rejected included
  std::uint64_t rejected = 0;    // by the sink: dead letters now
  std::uint64_t unreadable = 0;  // in the source: dead letters now
  std::uint64_t retries = 0;     // waits after a failure of the source or of the sink
};

// What was rejected, or unreadable, since the last event that was stored.
struct RejectionStreak {
  std::size_t events = 0;
  std::size_t batches = 0;
};

struct PumpOptions {
  // A batch is written when it has so many events (the unreadable included), or so many bytes, or
  // when its first event was read so long ago; zero: with whatever the source has at once. on_batch
  // may change these for the next batch.
  std::size_t max_events = 10'000;
  std::size_t max_bytes = std::size_t{64} << 20;
  std::chrono::milliseconds max_age{60'000};

  // Where rejected and unreadable events go. Null: the first of them stops the pump. It is written
  // to once; wrap it in a RetrySink to have it tried again.
  std::shared_ptr<Sink> dead_letter{};

  // Whether the last 100 stop the pump also where some or all of them were unreadable: a queue that
  // is not ours, or events of a newer version, must not all become dead letters. Strangers
  // who fill the queue cannot hold up the pump for good, since each run takes a batch of theirs
  // before it stops. False where such a stop would not help.
  bool stop_at_unreadable = true;

  RetryPolicy retry{};  // of the sink, and of the source

  // For one pump after the other on the same sink: what the last left. Null: one of its own.
  std::shared_ptr<RejectionStreak> streak{};

  // Called by the thread that pumps: after every failure that does not stop the pump, and how long
  // until the next attempt (zero: none in this run), ...
  std::function<void(const std::exception& error, std::chrono::milliseconds wait)> on_failure{};
  // ... and after every batch that was acknowledged.
  std::function<void(const PumpStatistics&)> on_batch{};

  const Clock* clock = &system_clock();  // stamps dead letters; outlives the call
  Timer* timer = &steady_timer();        // outlives the call
};

// Returns when the source has come to its end and all of it is stored, or soon after a stop: then
// what is gathered is written once, in the time that the sink and the source take for one call; if
// that fails, on_failure is told, and the events come again to the next who reads the source.
//
// Failures of the sink and of the source are retried as options.retry says; a write in doubt is
// written again. Throws, with nothing of the batch acknowledged:
//   Error        what options.retry gives up on; where an event was rejected or unreadable and
//                there is no dead_letter, or that failed; where the last 100 events, in at least
//                two batches, were all rejected or unreadable: then the fault is hardly theirs
//   ConfigError  where an option makes no sense
// and whatever else the source or a callback throws. Sink and source are maintained and called by
// this thread alone.
PumpStatistics pump(Source& source, Sink& sink, const PumpOptions& options = {},
                    const std::stop_token& stop = {});

}  // namespace eventcollect
