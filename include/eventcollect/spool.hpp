// A directory between the collector and sinks that are slow, far or down at times.
//
//   Spool spool{"spool", {{spool_cursor("postgres://…"), open_sink("postgres://…")}}};
//   Collector events{spool.sink()};
//
// An event is durable, and answered for, when it is synced to the directory. From there a forwarder
// for each target ships events in order, with a cursor of its own: it resumes after a restart, and
// a file goes when all targets have it. It is a FileSink, a FileSource for each target, and pumps.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/file.hpp"
#include "eventcollect/pump.hpp"
#include "eventcollect/sink.hpp"

namespace eventcollect {

struct SpoolTarget {
  std::string name{};  // of its cursor: see FileSourceOptions
  std::shared_ptr<Sink> sink{};
};

// A target's name made of its URL: the scheme and a number that depends on all but user and
// password, so that it stays when these change.
std::string spool_cursor(std::string_view url);

struct SpoolOptions {
  // max_total_bytes bounds the spool: at it events are rejected, as with any full FileSink. Since
  // only sealed files go, rotate_bytes is a quarter of it at most.
  FileSinkOptions files{.rotate_bytes = std::uint64_t{16} << 20,
                        .max_total_bytes = std::uint64_t{1} << 30};

  // A forwarder writes so many events at once, or those of so long: each write may cost a sync of
  // the disk that the answers wait for too.
  std::size_t max_batch_events = 10'000;
  std::chrono::milliseconds max_batch_age{100};

  RetryPolicy retry{.retry_misconfigured = true};

  // Called by a forwarder's thread; must not block, nor close the spool. What a target rejects, or
  // what cannot be read, is kept in DIR/rejected-NAME, which max_total_bytes bounds too; while that
  // fails the forwarder tries again from the last acknowledged event. A DIR/refused-NAME, as
  // earlier versions called it, is still used while there is no other; a notice (notice.hpp) says
  // so.
  std::function<void(const std::string& target, const std::exception& error)> on_failure{};
};

// A target's state now.
struct SpoolStatistics {
  std::string target{};
  std::uint64_t backlog_bytes = 0;         // of events that it does not have yet
  std::chrono::milliseconds oldest_age{};  // of the first of them; zero without any
  std::uint64_t events_forwarded = 0;      // since the start; so are the next two
  std::uint64_t events_rejected = 0;       // by the target, or not readable: dead letters
  std::uint64_t failures = 0;
};

// statistics() is safe from any thread; the rest is for its owner.
class Spool {
 public:
  // Begins to forward. Throws as FileSink and FileSource do; Error (misconfigured) too where
  // the directory holds events for a target that is not among `targets`, or files of a FileSink
  // that was no spool's; ConfigError without a target, or where two have the same name.
  Spool(const std::string& directory, std::vector<SpoolTarget> targets,
        const SpoolOptions& options = {});

  // Closes it without timeout.
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // What to write to, by one thread at a time. The spool has to outlive its use.
  std::shared_ptr<Sink> sink() const;

  // In the order of the targets. Throws Error.
  std::vector<SpoolStatistics> statistics() const;

  // Waits until every target has all events, at most for `timeout`, and stops forwarding. True if
  // they have; what they don't is forwarded by the next Spool of this directory. The last half
  // second (of which there is always one) is for a call of a target to return; then it is left to
  // itself. No on_failure is called any more when this returns.
  bool close(std::chrono::milliseconds timeout);

 private:
  class Forwarder;

  std::shared_ptr<FileSink> files_;
  std::vector<std::shared_ptr<Forwarder>> forwarders_;
};

}  // namespace eventcollect
