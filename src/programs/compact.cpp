#include "eventcollect/compact.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "eventcollect/objects.hpp"
#include "eventcollect/programs.hpp"
#include "programs/log.hpp"
#include "programs/run.hpp"
#include "programs/settings.hpp"

namespace eventcollect {

using namespace programs;

namespace {

const Program program{"eventcollect-compact",
                      "Makes one sorted object of an hour's many, each event once."};

struct Options {
  std::string at;
  std::optional<std::chrono::milliseconds> every;
  CompactOptions compact;
};

std::vector<Setting> settings_of(Options& options) {
  return {
      {"at", "URL", "", "Where the objects are: s3:, dir:", Setting::required,
       [&](const Values& values) { options.at = values[0]; }},
      {"grace", "TIME", duration_text(options.compact.grace),
       "Compact an hour when it and its newest object are so old", Setting::one,
       [&](const Values& values) { options.compact.grace = parse_duration(values[0]); }},
      {"every", "TIME", "", "Go on, and look again so often; else once", Setting::one,
       [&](const Values& values) { options.every = parse_positive_duration(values[0]); }},
      {"target-bytes", "SIZE", bytes_text(options.compact.target_bytes),
       "Make several objects of an hour with more than this", Setting::one,
       [&](const Values& values) { options.compact.target_bytes = parse_bytes(values[0]); }},
      {"memory-bytes", "SIZE", bytes_text(options.compact.memory_bytes),
       "What sorting may take; beyond it, files are used", Setting::one,
       [&](const Values& values) { options.compact.memory_bytes = parse_bytes(values[0]); }},
      {"temporary", "DIR", "", "Where those files go, instead of the system's place", Setting::one,
       [&](const Values& values) { options.compact.temporary_directory = values[0]; }},
      {"only-compactor", "", "",
       "No other compactor runs: needed where a store cannot create an object only if it is new",
       Setting::flag, [&](const Values&) { options.compact.only_compactor = true; }},
  };
}

std::string hour_text(TimePoint hour) { return format_rfc3339(hour).substr(0, 13); }

void run(const Options& options, Log& log, const std::stop_token& stop) {
  const auto store = open_store_option("--at", options.at);
  CompactOptions compacting = options.compact;
  compacting.on_hour = [&](const CompactedHour& hour) {
    if (hour.finished_elsewhere) return;
    log.say(
        "{}: {} raw objects, {} events in {} hourly objects, {} duplicates, {} conflicts, {} "
        "unreadable lines, {} damaged objects",
        hour_text(hour.hour), hour.raw_objects, hour.events, hour.hourly_objects, hour.duplicates,
        hour.conflicts, hour.unreadable, hour.damaged_objects);
  };
  compacting.on_failure = [&](TimePoint hour, const std::exception& error) {
    log.say("error: {}: {}", hour_text(hour), error.what());
  };
  repeat(options.every, log, stop, [&] {
    const CompactStatistics done = compact(*store, compacting, stop);
    if (!options.every) {
      log.say("{} hours compacted, {} left for their failure", done.hours, done.failed);
      if (done.failed > 0 && !stop.stop_requested()) {
        throw Error{Error::unavailable, "not every hour that was due is compacted"};
      }
    }
  });
}

}  // namespace

int compact_main(int argc, char** argv) {
  return run_program(program.name, [&] {
    Options options;
    if (!read_settings(program, settings_of(options), argc, argv)) return EXIT_SUCCESS;
    Log log;
    return run_until_signal(log, [&](const std::stop_token& stop) { run(options, log, stop); });
  });
}

}  // namespace eventcollect
