#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "eventcollect/programs.hpp"
#include "eventcollect/pump.hpp"
#include "eventcollect/retry.hpp"
#include "eventcollect/timer.hpp"
#include "eventcollect/url.hpp"
#include "programs/dead_letters.hpp"
#include "programs/log.hpp"
#include "programs/run.hpp"
#include "programs/settings.hpp"

namespace eventcollect {

using namespace programs;

namespace {

const Program program{"eventcollect-archive",
                      "Takes events from a queue to objects, gzipped and by the hour, and "
                      "acknowledges them when they are durable there."};

struct ArchiveOptions {
  std::string from;
  std::string to;
  std::string dead_letter;
  PumpOptions pump;
  bool once = false;
};

std::vector<Setting> settings_of(ArchiveOptions& options) {
  return {
      {"from", "URL", "", "Where events come from: amqp:, amqp1:, file:", Setting::required,
       [&](const Values& values) { options.from = values[0]; }},
      {"to", "URL", "", "Where they go: s3:, dir:, or any sink", Setting::required,
       [&](const Values& values) { options.to = values[0]; }},
      {"max-events", "N", std::to_string(options.pump.max_events),
       "Write when so many events have come", Setting::one,
       [&](const Values& values) {
         options.pump.max_events =
             parse_count(values[0], 1, std::numeric_limits<std::uint32_t>::max());
       }},
      {"max-age", "TIME", duration_text(options.pump.max_age),
       "… or when the first of them came so long ago", Setting::one,
       [&](const Values& values) { options.pump.max_age = parse_duration(values[0]); }},
      {"max-bytes", "SIZE", bytes_text(options.pump.max_bytes),
       "… or when they have so many bytes, which bounds the memory", Setting::one,
       [&](const Values& values) { options.pump.max_bytes = parse_positive_bytes(values[0]); }},
      {"dead-letter", "URL", "",
       "Where to keep what is not an event, and what --to rejects; else the quarantine/ of the "
       "store, or without one file:archive-rejected",
       Setting::one, [&](const Values& values) { options.dead_letter = values[0]; }},
      {"once", "", "", "End when nothing has come for a second", Setting::flag,
       [&](const Values&) { options.once = true; }},
  };
}

// A source that ends as soon as it gives nothing: there is nothing, or nothing that fits.
class UntilIdle final : public Source {
 public:
  explicit UntilIdle(std::shared_ptr<Source> source) : source_{std::move(source)} {}

  bool read(Delivery& delivery, const ReadLimits& limits) override {
    constexpr std::chrono::milliseconds idle{1000};
    const std::size_t before = delivery.size();
    ReadLimits bounded = limits;
    bounded.wait = idle;
    return source_->read(delivery, bounded) && delivery.size() != before;
  }

  void acknowledge(const Delivery& delivery) override { source_->acknowledge(delivery); }

 private:
  std::shared_ptr<Source> source_;
};

// Null where a stop comes before there is a source: a directory, say, that its writer has yet to
// make.
std::shared_ptr<Source> open_from(const ArchiveOptions& options, Log& log,
                                  const std::stop_token& stop) {
  Backoff backoff{RetryPolicy{}};
  while (!stop.stop_requested()) {
    try {
      return open_source_option("--from", options.from);
    } catch (const Error& error) {
      const auto wait = backoff.next(error, steady_timer().now());
      if (options.once || !wait) throw;
      log.say_seldom("failure", "error: {}", error.what());
      steady_timer().wait(*wait, stop);
    }
  }
  return nullptr;
}

// What a broker counts has 16 bits. Better said now than when the queue is read.
void check_bounds(const ArchiveOptions& options) {
  const std::string scheme = Url::parse(options.from).scheme;
  const bool is_amqp = scheme == "amqp" || scheme == "amqps";
  if (is_amqp && options.pump.max_events > std::numeric_limits<std::uint16_t>::max()) {
    throw ConfigError{fmt::format("--max-events: '{}' is more than 65535, which AMQP has at most",
                                  options.pump.max_events)};
  }
}

void archive(const ArchiveOptions& options, Log& log, const std::stop_token& stop) {
  const auto sink = open_sink_option("--to", options.to, log);
  PumpOptions pumping = options.pump;
  pumping.dead_letter = open_dead_letters(
      {options.dead_letter, options.to, "file:archive-rejected"}, pumping.retry, log, stop);
  pumping.on_failure = [&](const std::exception& error, std::chrono::milliseconds wait) {
    log.say_seldom("failure", "error: {} (again in {} ms)", error.what(), wait.count());
  };
  const auto say = [](const PumpStatistics& so_far) {
    return fmt::format("{} events in {} batches, {} dead letters", so_far.events, so_far.batches,
                       so_far.rejected + so_far.unreadable);
  };
  pumping.on_batch = [&](const PumpStatistics& so_far) {
    log.say_seldom("batch", "{}", say(so_far));
  };
  auto source = open_from(options, log, stop);
  if (!source) return;
  if (options.once) source = std::make_shared<UntilIdle>(std::move(source));
  log.say("started");
  PumpStatistics all;
  for (bool goes_on = true; goes_on;) {
    const PumpStatistics run = pump(*source, *sink, pumping, stop);
    all.batches += run.batches;
    all.events += run.events;
    all.rejected += run.rejected;
    all.unreadable += run.unreadable;
    // What did not fit, or what a broker held back until the rest was acknowledged, comes next.
    goes_on = options.once && run.batches > 0 && !stop.stop_requested();
  }
  log.say("stopped: {}", say(all));
}

}  // namespace

int archive_main(int argc, char** argv) {
  return run_program(program.name, [&] {
    ArchiveOptions options;
    if (!read_settings(program, settings_of(options), argc, argv)) return EXIT_SUCCESS;
    check_bounds(options);
    Log log;
    return run_until_signal(log, [&](const std::stop_token& stop) { archive(options, log, stop); });
  });
}

}  // namespace eventcollect
