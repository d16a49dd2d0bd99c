// Loads objects into a database, each event once; or into any other sink, at least once.
//
//   auto store = open_store("s3://bucket/site");
//   auto sink = open_sink("postgres://…");
//   load(*store, *sink, {.since = monday, .dead_letter = open_sink("file:dead")}, stop);
//
// Both raw and hourly objects are loaded, so that nothing waits for compaction. In a LedgerSink the
// rows of an object and the ledger's line that names it become durable together: so an object is
// loaded once, however often and by however many load() is called. An hourly object is passed over
// where all raw objects of its plan were loaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "eventcollect/clock.hpp"
#include "eventcollect/object_store.hpp"
#include "eventcollect/retry.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/timer.hpp"

namespace eventcollect {

// How far a load has come.
struct LoadStatistics {
  std::uint64_t objects = 0;          // loaded
  std::uint64_t objects_skipped = 0;  // loaded before, or their raws were
  std::uint64_t objects_left = 0;     // known and still to do, and their compressed size
  std::uint64_t bytes_left = 0;
  std::uint64_t bytes = 0;               // compressed, of the loaded
  std::uint64_t events = 0;              // written to the sink
  std::uint64_t events_passed_over = 0;  // not of the selection
  std::uint64_t rejected = 0;            // by the sink: dead letters now
  std::uint64_t unreadable = 0;          // in the objects: dead letters now
  std::uint64_t damaged_objects = 0;     // whose readable part was loaded
  std::uint64_t retries = 0;
};

struct LoadOptions {
  // "Some of the data": hours of server_time from `since` on and before `until` (whole hours, else
  // ConfigError), and events of these names. Empty: all. A load of some events does not hide the
  // others from a later one.
  std::optional<TimePoint> since{};
  std::optional<TimePoint> until{};
  std::vector<std::string> events{};

  std::size_t max_batch_events = 10'000;
  std::size_t max_batch_bytes = std::size_t{8} << 20;

  // Where rejected and unreadable events go; durable before their object counts as loaded. Null:
  // the first of them ends the load.
  std::shared_ptr<Sink> dead_letter{};

  // Of each object; give_up_after also of waiting for what others are loading.
  RetryPolicy retry{.give_up_after = std::chrono::minutes{5}};

  // Called by the thread that loads.
  std::function<void(const std::exception& error, std::chrono::milliseconds wait)> on_failure{};
  std::function<void(const LoadStatistics&)> on_progress{};  // after every batch and every object

  const Clock* clock = &system_clock();  // stamps dead letters; outlives the call
  Timer* timer = &steady_timer();        // outlives the call
};

// Returns when everything that was there is loaded, or soon after a stop, when the object at hand
// is rolled back. Throws what options.retry gives up on, Error, and ConfigError
// where an option makes no sense.
LoadStatistics load(ObjectStore& store, Sink& sink, const LoadOptions& options = {},
                    const std::stop_token& stop = {});

}  // namespace eventcollect
