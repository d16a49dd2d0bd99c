#include "spool/forwarder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/folder_in_use.hpp"
#include "base/notice.hpp"
#include "sink/guard.hpp"

namespace eventcollect {

using base::folder_in_use;
using base::FolderInUse;

namespace {

// What the target rejects.
std::shared_ptr<Sink> open_rejected(const std::string& directory, const std::string& target,
                                    const SpoolOptions& options) {
  const FolderInUse folder = folder_in_use(fmt::format("{}/rejected-{}", directory, target),
                                           fmt::format("{}/refused-{}", directory, target));
  if (!folder.notice.empty()) base::notice("{}: {}", target, folder.notice);
  return std::make_shared<FileSink>(
      folder.path, FileSinkOptions{.max_total_bytes = options.files.max_total_bytes});
}

FileSourceOptions source_options(const std::string& cursor) {
  return {.cursor = cursor, .consume = true};
}

}  // namespace

Spool::Forwarder::Forwarder(const std::string& directory, std::shared_ptr<const FileSink> files,
                            SpoolTarget target, const SpoolOptions& options)
    : files_{std::move(files)},
      target_{std::move(target)},
      options_{options},
      rejected_{open_rejected(directory, target_.name, options_)},
      source_{*files_, source_options(target_.name)} {}

void Spool::Forwarder::start() {
  thread_ = std::jthread{[self = shared_from_this()](const std::stop_token& stop) {
    self->run(stop);
    const std::lock_guard lock{self->mutex_};
    self->has_ended_ = true;
    self->changed_.notify_all();
  }};
}

void Spool::Forwarder::end(std::chrono::steady_clock::time_point deadline) {
  if (!thread_.joinable()) return;
  std::unique_lock lock{mutex_};
  is_abandoned_ = !changed_.wait_until(lock, deadline, [this] { return has_ended_; });
  if (!is_abandoned_) return thread_.join();
  changed_.wait(lock, [this] { return !is_telling_; });
  thread_.detach();
}

void Spool::Forwarder::run(const std::stop_token& stop) {
  Backoff backoff{options_.retry};
  while (!stop.stop_requested()) {
    const std::uint64_t before = forwarded_;
    try {
      return forward(stop);
    } catch (const Error& error) {
      note(error);
      // Perhaps it is too much at once: for the target's deadline, or for the room in its queue.
      // Where the spool's own files cannot be read, smaller batches do no harm.
      max_events_ = std::max<std::size_t>(1, max_events_ / 2);
    } catch (const std::exception& error) {
      note(error);
    }
    source_.rewind();
    if (forwarded_ != before) backoff.reset();
    const auto wait = backoff.next(steady_timer().now());
    steady_timer().wait(wait.value_or(options_.retry.max_wait), stop);
  }
}

void Spool::Forwarder::forward(const std::stop_token& stop) {
  PumpOptions options;
  options.max_events = max_events_;
  options.max_age = options_.max_batch_age;
  options.dead_letter = rejected_;
  options.retry = options_.retry;
  options.retry.give_up_after = std::chrono::milliseconds{1};  // run() tries again, with less
  options.streak = streak_;
  options.stop_at_unreadable = false;  // what the disk has damaged stays so, and new events wait
  options.on_failure = [this](const std::exception& error, std::chrono::milliseconds) {
    note(error);
  };
  // The pump counts from its own start.
  options.on_batch = [this, &options, stored = forwarded_.load(),
                      rejected = rejected_events_.load()](const PumpStatistics& statistics) {
    max_events_ = std::min(2 * max_events_, options_.max_batch_events);
    options.max_events = max_events_;
    forwarded_ = stored + statistics.events;
    rejected_events_ = rejected + statistics.rejected + statistics.unreadable;
  };
  pump(source_, *target_.sink, options, stop);
}

void Spool::Forwarder::note(const std::exception& error) {
  ++failures_;
  if (!options_.on_failure) return;
  std::unique_lock lock{mutex_};
  if (is_abandoned_) return;
  is_telling_ = true;
  lock.unlock();
  sink::tell(options_.on_failure, target_.name, error);
  lock.lock();
  is_telling_ = false;
  changed_.notify_all();
}

SpoolStatistics Spool::Forwarder::statistics() const {
  SpoolStatistics statistics;
  statistics.target = target_.name;
  statistics.events_forwarded = forwarded_;
  statistics.events_rejected = rejected_events_;
  statistics.failures = failures_;
  const FileSource::Backlog backlog = source_.backlog();
  statistics.backlog_bytes = backlog.bytes;
  if (backlog.oldest) {
    const auto age = system_clock().now() - *backlog.oldest;
    statistics.oldest_age = std::max(std::chrono::milliseconds{0},
                                     std::chrono::duration_cast<std::chrono::milliseconds>(age));
  }
  return statistics;
}

}  // namespace eventcollect
