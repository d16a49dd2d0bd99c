// Makes one sorted object of an hour's many, each event once.
//
//   auto store = open_store("s3://bucket/site");
//   compact(*store, {.grace = 10min, .on_hour = report}, stop);
//
// An hour is compacted when it, and its newest raw object, are older than the grace: first a plan
// is created that names what goes in and what will come out, then the outputs are written, then the
// plan is marked done, then what went in is removed. A compactor that finds an open plan finishes
// it, with the same content under the same keys. So a crash at any instant heals with the next run,
// and several compactors at once do no harm.
//
//   plans/dt=2026-11-23/hour=18/0001.json         plan 1 of the hour
//   hourly/dt=2026-11-23/hour=18/0001-0193….-000.json.gz
//
// Raw objects that come later make a further plan, without the events that the hour already has.
// What cannot be an event of the hour is kept: as dead letters (dead_letter.hpp), and what is
// damaged as it was.
//
//   quarantine/dt=2026-11-23/hour=18/0001-0193….letters.json.gz
//   quarantine/dt=2026-11-23/hour=18/….json.gz
//
// The code of a letter is that of a fault in a stored event, event_id.conflict (another event with
// this id was kept), object.damaged or object.missing (`raw` is the key of a raw object).
//
// A raw object is never changed. A mended one goes back under a new name: under its own it
// would count as what the plan has taken already, and be removed unread.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <stop_token>
#include <string>

#include "eventcollect/clock.hpp"
#include "eventcollect/object_store.hpp"

namespace eventcollect {

// What became of one plan.
struct CompactedHour {
  TimePoint hour{};                   // its first instant
  std::uint64_t raw_objects = 0;      // that went in
  std::uint64_t hourly_objects = 0;   // that came out
  std::uint64_t events = 0;           // that came out; the next three did not
  std::uint64_t duplicates = 0;       // the same event again: the lowest server_time stays
  std::uint64_t conflicts = 0;        // another event under the same id: dead letters now
  std::uint64_t unreadable = 0;       // lines that are no event of the hour: dead letters now
  std::uint64_t damaged_objects = 0;  // kept whole in quarantine/, their good lines are in
  std::uint64_t missing_objects = 0;  // removed by another process before they were read
  bool finished_elsewhere = false;    // another compactor was faster, so no count above is known
};

struct CompactOptions {
  std::chrono::milliseconds grace = std::chrono::minutes{10};

  // Of lines in one object, before gzip: an hour of more becomes several objects.
  std::uint64_t target_bytes = std::uint64_t{1} << 30;

  // What sorting may take, at least 1 MiB; beyond it sorted runs go to files in
  // `temporary_directory` (empty: the system's), which together take up to twice as much as the
  // lines of the hour. Reading and writing objects takes a few MiB more for each thread, and a line
  // longer than that takes its own.
  std::size_t memory_bytes = std::size_t{128} << 20;
  std::string temporary_directory{};

  // How many raw objects are read, and removed, at the same time: 1 to 64. They share memory_bytes.
  std::size_t threads = 2;

  // Where a store cannot create() (that is tried, at the first plan), two compactors would do harm:
  // so compact() throws, unless this says that there is only one.
  bool only_compactor = false;

  // Called by the thread that compacts, after each plan, and after an hour that failed and is left
  // to the next run.
  std::function<void(const CompactedHour&)> on_hour{};
  std::function<void(TimePoint hour, const std::exception& error)> on_failure{};

  const Clock* clock = &system_clock();  // says which hours are due; outlives the call
};

struct CompactStatistics {
  std::uint64_t hours = 0;   // of which at least one plan was finished here
  std::uint64_t plans = 0;   // finished here
  std::uint64_t failed = 0;  // hours
  std::uint64_t events = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t unreadable = 0;
  std::uint64_t damaged_objects = 0;
  std::uint64_t missing_objects = 0;
};

// Compacts every hour that is due, the oldest first, and returns; or soon after a stop, when what
// was begun is left to the next run. An hour that fails is passed over. Throws Error where the
// store cannot be listed, or cannot create() and nobody said only_compactor, and what the first
// hour failed with if all of them did; ConfigError where an option makes no sense. `store` is used
// by several threads. Several calls at once, of one process or of many, do no harm.
CompactStatistics compact(ObjectStore& store, const CompactOptions& options = {},
                          const std::stop_token& stop = {});

}  // namespace eventcollect
