#include "spool/forwarder.hpp"

#include <fmt/format.h>

#include <utility>

namespace eventcollect {
namespace {

FileSourceOptions source_options(const std::string& cursor) {
  return {.cursor = cursor, .consume = true};
}

}  // namespace

Spool::Forwarder::Forwarder(const std::string& directory, std::shared_ptr<const FileSink> files,
                            SpoolTarget target, const SpoolOptions& options)
    : files_{std::move(files)},
      target_{std::move(target)},
      options_{options},
      refused_{std::make_shared<FileSink>(fmt::format("{}/refused-{}", directory, target_.name))},
      source_{std::make_shared<FileSource>(*files_, source_options(target_.name))} {}

void Spool::Forwarder::start() {
  thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
}

void Spool::Forwarder::run(const std::stop_token& stop) {
  Backoff backoff{options_.retry};
  while (!stop.stop_requested()) {
    std::uint64_t before = forwarded_;
    try {
      if (!source_) reopen();
      forward(*source_, stop);
      return;
    } catch (const std::exception& error) {
      note(error);
    }
    {
      // What was read and not acknowledged comes again only to a new reader.
      const std::lock_guard lock{mutex_};
      source_.reset();
    }
    if (forwarded_ != before) backoff.reset();
    const auto wait = backoff.next(steady_timer().now());
    steady_timer().wait(wait.value_or(options_.retry.max_wait), stop);
  }
}

void Spool::Forwarder::forward(FileSource& source, const std::stop_token& stop) {
  PumpOptions options;
  options.max_events = options_.max_batch_events;
  options.max_age = std::chrono::milliseconds{0};
  options.dead_letter = refused_;
  options.retry = options_.retry;
  options.on_failure = [this](const std::exception& error, std::chrono::milliseconds) {
    note(error);
  };
  // The pump counts from its own start.
  options.on_batch = [this, stored = forwarded_.load(),
                      refused = refused_events_.load()](const PumpStatistics& statistics) {
    forwarded_ = stored + statistics.events;
    refused_events_ = refused + statistics.refused + statistics.unreadable;
  };
  pump(source, *target_.sink, options, stop);
}

void Spool::Forwarder::reopen() {
  auto source = std::make_shared<FileSource>(*files_, source_options(target_.name));
  const std::lock_guard lock{mutex_};
  source_ = std::move(source);
}

void Spool::Forwarder::note(const std::exception& error) {
  ++failures_;
  if (options_.on_failure) options_.on_failure(target_.name, error);
}

SpoolStatistics Spool::Forwarder::statistics() const {
  SpoolStatistics statistics;
  statistics.target = target_.name;
  statistics.events_forwarded = forwarded_;
  statistics.events_refused = refused_events_;
  statistics.failures = failures_;
  std::shared_ptr<const FileSource> source;
  {
    const std::lock_guard lock{mutex_};
    source = source_;
  }
  if (!source) return statistics;
  const FileSource::Backlog backlog = source->backlog();
  statistics.backlog_bytes = backlog.bytes;
  if (backlog.oldest) {
    const auto age = system_clock().now() - *backlog.oldest;
    statistics.oldest_age = std::max(std::chrono::milliseconds{0},
                                     std::chrono::duration_cast<std::chrono::milliseconds>(age));
  }
  return statistics;
}

}  // namespace eventcollect
