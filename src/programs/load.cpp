#include "eventcollect/load.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "base/printable.hpp"
#include "eventcollect/ledger.hpp"
#include "eventcollect/objects.hpp"
#include "eventcollect/programs.hpp"
#include "programs/dead_letters.hpp"
#include "programs/log.hpp"
#include "programs/progress.hpp"
#include "programs/run.hpp"
#include "programs/settings.hpp"

namespace eventcollect {

using namespace programs;

namespace {

const Program program{"eventcollect-load",
                      "Loads objects into a database, each event once; or into any other sink, at "
                      "least once."};

struct Options {
  std::string from;
  std::string to;
  std::string dead_letter;
  std::optional<std::chrono::milliseconds> every;
  LoadOptions load;
};

// "2026-11-23", "2026-11-23T18" or what RFC 3339 has.
TimePoint parse_hour(const std::string& text) {
  for (const std::string_view rest : {"", ":00:00Z", "T00:00:00Z"}) {
    const auto time = parse_rfc3339(text + std::string{rest});
    if (time && *time == std::chrono::floor<std::chrono::hours>(*time)) return *time;
  }
  throw ConfigError{
      fmt::format("{} is neither an hour such as 2026-11-23T18 (UTC) nor a day such as 2026-11-23",
                  base::in_quotes(text))};
}

std::vector<Setting> settings_of(Options& options) {
  return {
      {"from", "URL", "", "Where the objects are: s3:, dir:", Setting::required,
       [&](const Values& values) { options.from = values[0]; }},
      {"to", "URL", "", "Where events go: postgres:, mysql:, sqlite:, or any sink",
       Setting::required, [&](const Values& values) { options.to = values[0]; }},
      {"since", "HOUR", "", "Only hours (of server_time, UTC) from this on", Setting::one,
       [&](const Values& values) { options.load.since = parse_hour(values[0]); }},
      {"until", "HOUR", "", "Only hours before this", Setting::one,
       [&](const Values& values) { options.load.until = parse_hour(values[0]); }},
      {"event", "NAME", "", "Only events of this name", Setting::list,
       [&](const Values& values) { options.load.events = values; }},
      {"dead-letter", "URL", "",
       "Where to keep what is not an event, and what --to rejects; else the quarantine/ of --from",
       Setting::one, [&](const Values& values) { options.dead_letter = values[0]; }},
      {"every", "TIME", "", "Go on, and look again so often; else once", Setting::one,
       [&](const Values& values) { options.every = parse_positive_duration(values[0]); }},
  };
}

void run(const Options& options, Log& log, const std::stop_token& stop) {
  const auto store = open_store_option("--from", options.from);
  const auto sink = open_sink_option("--to", options.to, log);
  if (options.every && sink->ledger() == nullptr) {
    throw ConfigError{
        "--every: only a database knows what it has already; any other sink would get every object "
        "again each time"};
  }
  Progress progress{log};
  LoadOptions loading = options.load;
  loading.dead_letter =
      open_dead_letters({options.dead_letter, options.from, {}}, loading.retry, log, stop);
  loading.on_failure = [&](const std::exception& error, std::chrono::milliseconds wait) {
    log.say_seldom("failure", "error: {} (again in {} ms)", error.what(), wait.count());
  };
  loading.on_progress = [&](const LoadStatistics& so_far) { progress.show(so_far); };
  repeat(options.every, log, stop, [&] {
    progress.begin();
    progress.end(load(*store, *sink, loading, stop));
  });
}

}  // namespace

int load_main(int argc, char** argv) {
  return run_program(program.name, [&] {
    Options options;
    if (!read_settings(program, settings_of(options), argc, argv)) return EXIT_SUCCESS;
    Log log;
    return run_until_signal(log, [&](const std::stop_token& stop) { run(options, log, stop); });
  });
}

}  // namespace eventcollect
