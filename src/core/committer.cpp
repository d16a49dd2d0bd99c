#include "core/committer.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "core/sink_guard.hpp"

namespace eventcollect {
namespace {

using std::chrono::steady_clock;

thread_local bool is_committer_thread = false;

const std::vector<Committer::Refusal> no_refusals;

void count_duration(DurationHistogram& histogram, std::chrono::duration<double> took) {
  const auto& bounds = DurationHistogram::bounds;
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), took.count());
  ++histogram.counts[static_cast<std::size_t>(bucket - bounds.begin())];
  histogram.sum_seconds += took.count();
}

}  // namespace

bool on_committer_thread() { return is_committer_thread; }

std::shared_ptr<Committer> Committer::start(std::shared_ptr<Sink> sink, Options options) {
  std::shared_ptr<Committer> self{new Committer{std::move(sink), std::move(options)}};
  // The threads share in the ownership, so one whose sink never returns can be left behind.
  self->writer_thread_ = std::thread{[self] { self->run_writer(); }};
  self->watch_thread_ = std::thread{[self] { self->run_watch(); }};
  return self;
}

Committer::Committer(std::shared_ptr<Sink> sink, Options options)
    : sink_{std::move(sink)},
      options_{std::move(options)},
      tend_at_{steady_clock::now() + options_.tend_interval} {
  statistics_.ready = true;
}

Committer::Admission Committer::submit(const Batch& events, OnFailure on_failure, Done done,
                                       SteadyTime deadline, SteadyTime room_deadline) {
  Lock lock{mutex_};
  const auto has_room = [&] {
    return closing_ || queued_bytes() + events.bytes() <= options_.max_queue_bytes;
  };
  if (!has_room() && room_deadline > steady_clock::now()) {
    room_.wait_until(lock, room_deadline, has_room);
  }
  if (closing_) return Admission::closed;
  if (!has_room()) {
    ++statistics_.queue_full;
    if (!done) statistics_.events_lost += events.size();
    return Admission::full;
  }
  if (queue_.empty() || queue_.back().batch.bytes() >= options_.max_batch_bytes) {
    queue_.push_back(std::exchange(spare_, {}));
  }
  Group& group = queue_.back();
  group.entries.push_back(
      {group.batch.size(), events.size(), on_failure, std::move(done), deadline});
  group.batch.append(events);
  if (group.entries.size() == 1) work_.notify_one();
  if (deadline < watching_until_) watch_.notify_one();
  return Admission::queued;
}

std::size_t Committer::queued_bytes() const {
  std::size_t bytes = kept_.batch.bytes() + writing_.batch.bytes();
  for (const Group& group : queue_) bytes += group.batch.bytes();
  return bytes;
}

void Committer::run_writer() {
  is_committer_thread = true;
  Lock lock{mutex_};
  while (wait_for_work(lock)) {
    const bool retry_due = !kept_.entries.empty() && steady_clock::now() >= retry_at_;
    if (!queue_.empty() || retry_due) {
      write(lock, take_work());
    } else {
      tend(lock);
    }
  }
  finished_ = true;
  room_.notify_all();
  watch_.notify_all();
}

// Waits until there is something to write or to tend. False when everything has come to its end.
bool Committer::wait_for_work(Lock& lock) {
  for (;;) {
    if (abandoned_) return false;
    if (!queue_.empty()) return true;
    if (closing_ && kept_.entries.empty()) return false;
    const SteadyTime due = kept_.entries.empty() ? tend_at_ : retry_at_;
    if (steady_clock::now() >= due) return true;
    work_.wait_until(lock, due);
  }
}

// The oldest group, with what failed before in front of it.
Committer::Group Committer::take_work() {
  Group group = std::exchange(kept_, {});
  if (queue_.empty()) return group;
  Group fresh = std::move(queue_.front());
  queue_.pop_front();
  if (group.entries.empty()) return fresh;
  const std::size_t shift = group.batch.size();
  group.batch.append(fresh.batch);
  for (Entry& entry : fresh.entries) {
    entry.first += shift;
    group.entries.push_back(std::move(entry));
  }
  return group;
}

void Committer::write(Lock& lock, Group group) {
  writing_ = std::move(group);
  const Batch& batch = writing_.batch;
  lock.unlock();
  const SteadyTime begin = steady_clock::now();
  const auto failure = guard([&] { sink_->write(batch); });
  const SteadyTime end = steady_clock::now();
  lock.lock();
  if (abandoned_) return;
  count_duration(statistics_.write_seconds, end - begin);
  tend_at_ = end + options_.tend_interval;
  settle(lock, std::exchange(writing_, {}), failure);
}

void Committer::tend(Lock& lock) {
  lock.unlock();
  const auto failure = guard([&] { sink_->tend(); });
  lock.lock();
  if (abandoned_) return;
  tend_at_ = steady_clock::now() + options_.tend_interval;
  const bool recovered = note_result(failure);
  lock.unlock();
  report(failure, recovered);
  lock.lock();
}

// Whether this success is the first after a failure.
bool Committer::note_result(const std::optional<SinkError>& failure) {
  const bool was_ready = std::exchange(statistics_.ready, !failure);
  if (!failure) return !was_ready;
  ++statistics_.failures[failure->kind()];
  retry_at_ = steady_clock::now() + options_.tend_interval;
  return false;
}

void Committer::report(const std::optional<SinkError>& failure, bool recovered) const {
  if (failure && options_.on_failure) options_.on_failure(*failure);
  if (recovered && options_.on_recovery) options_.on_recovery();
}

// Answers for a group that was written, or that could not be.
void Committer::settle(Lock& lock, Group group, const std::optional<SinkError>& failure) {
  const bool recovered = note_result(failure);
  if (failure) {
    keep_for_retry(group);
    for (const Entry& entry : group.entries) {
      if (!entry.done) statistics_.events_lost += entry.count;
    }
  } else {
    ++statistics_.batches_stored;
    statistics_.events_refused += group.batch.refusals().size();
    statistics_.events_stored += group.batch.size() - group.batch.refusals().size();
  }
  room_.notify_all();
  lock.unlock();
  report(failure, recovered);
  answer(group, failure);
  group.entries.clear();
  group.batch.clear();
  lock.lock();
  if (spare_.entries.capacity() == 0) spare_ = std::move(group);
}

// Moves what is to be tried again out of a group that failed.
void Committer::keep_for_retry(Group& group) {
  const auto is_kept = [](const Entry& entry) { return entry.on_failure == OnFailure::keep; };
  for (Entry& entry : group.entries) {
    if (!is_kept(entry)) continue;
    const std::size_t first = kept_.batch.size();
    kept_.batch.append(group.batch, entry.first, entry.count);
    kept_.entries.push_back(
        {first, entry.count, OnFailure::keep, std::move(entry.done), entry.deadline});
  }
  std::erase_if(group.entries, is_kept);
}

void Committer::answer(Group& group, const std::optional<SinkError>& failure) const {
  const bool any_refused = !failure && !group.batch.refusals().empty();
  for (Entry& entry : group.entries) {
    const auto refusals = any_refused ? refusals_of(group, entry) : no_refusals;
    if (entry.done) entry.done({failure ? &*failure : nullptr, refusals});
  }
}

// What the sink refused of one entry, told to the handlers on the way.
std::vector<Committer::Refusal> Committer::refusals_of(const Group& group,
                                                       const Entry& entry) const {
  const auto events = group.batch.events();
  std::vector<Refusal> found;
  for (const Batch::Refusal& refusal : group.batch.refusals()) {
    if (refusal.index < entry.first || refusal.index >= entry.first + entry.count) continue;
    const Event& event = events[refusal.index];
    found.push_back({refusal.index - entry.first, event.id, refusal.why});
    if (options_.on_refused) options_.on_refused(event, refusal.why);
    // Nobody sends a kept event again, so its owner has to hear of it.
    if (entry.on_failure == OnFailure::keep && options_.on_lost) {
      options_.on_lost(event, refusal.why);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Refusal& a, const Refusal& b) { return a.index < b.index; });
  return found;
}

void Committer::run_watch() {
  is_committer_thread = true;
  Lock lock{mutex_};
  while (!finished_ && !abandoned_) {
    const auto overdue = take_overdue(steady_clock::now());
    if (overdue.empty()) {
      watch_.wait_until(lock, watching_until_);
      continue;
    }
    statistics_.deadlines_missed += overdue.size();
    lock.unlock();
    const SinkError failure{SinkError::in_doubt, "the sink did not confirm in time"};
    for (const Done& done : overdue) done({&failure, no_refusals});
    lock.lock();
  }
}

// Takes over the answers that are due by `now`, and sets when the next one is.
std::vector<Committer::Done> Committer::take_overdue(SteadyTime now) {
  std::vector<Done> overdue;
  // Not the end of time: some clocks' waits overflow on it.
  watching_until_ = now + std::chrono::hours{24};
  const auto look_at = [&](Group& group) {
    for (Entry& entry : group.entries) {
      if (!entry.done) continue;
      if (entry.deadline <= now) {
        overdue.push_back(std::exchange(entry.done, {}));
      } else {
        watching_until_ = std::min(watching_until_, entry.deadline);
      }
    }
  };
  look_at(writing_);
  for (Group& group : queue_) look_at(group);
  return overdue;
}

bool Committer::close(std::chrono::milliseconds patience) {
  const std::lock_guard closing{close_mutex_};
  Lock lock{mutex_};
  closing_ = true;
  work_.notify_all();
  room_.notify_all();
  room_.wait_for(lock, patience, [&] { return finished_ || abandoned_; });
  if (!finished_ && !abandoned_) abandon(lock);
  const bool all_written = !abandoned_;
  lock.unlock();
  if (writer_thread_.joinable()) {
    if (all_written) {
      writer_thread_.join();
    } else {
      writer_thread_.detach();
    }
    watch_thread_.join();
  }
  return all_written;
}

// Gives up what is not written yet, and leaves the writer to itself.
void Committer::abandon(Lock& lock) {
  abandoned_ = true;
  Group in_doubt;
  // The sink may still be reading the batch: so it is copied, which only reads it too.
  in_doubt.batch.append(writing_.batch);
  in_doubt.entries = std::exchange(writing_.entries, {});
  Group kept = std::exchange(kept_, {});
  std::deque<Group> queue = std::exchange(queue_, {});
  const auto count_lost = [&](const Group& group) {
    for (const Entry& entry : group.entries) {
      if (!entry.done || entry.on_failure == OnFailure::keep)
        statistics_.events_lost += entry.count;
    }
  };
  count_lost(in_doubt);
  count_lost(kept);
  for (const Group& group : queue) count_lost(group);
  work_.notify_all();
  watch_.notify_all();
  lock.unlock();
  give_up(in_doubt, {SinkError::in_doubt, "closed before the sink had confirmed"});
  const SinkError unwritten{SinkError::unavailable, "closed before it could be written"};
  give_up(kept, unwritten);
  for (Group& group : queue) give_up(group, unwritten);
  lock.lock();
}

void Committer::give_up(Group& group, const SinkError& failure) const {
  const auto events = group.batch.events();
  for (Entry& entry : group.entries) {
    if (entry.on_failure == OnFailure::keep && options_.on_lost) {
      for (const Event& event : events.subspan(entry.first, entry.count)) {
        options_.on_lost(event, failure.what());
      }
    }
    if (entry.done) entry.done({&failure, no_refusals});
  }
}

bool Committer::ready() const {
  const Lock lock{mutex_};
  return statistics_.ready && !closing_;
}

SinkStatistics Committer::statistics() const {
  const Lock lock{mutex_};
  SinkStatistics snapshot = statistics_;
  snapshot.queued_bytes = queued_bytes();
  snapshot.queued_events = kept_.batch.size() + writing_.batch.size();
  for (const Group& group : queue_) snapshot.queued_events += group.batch.size();
  return snapshot;
}

}  // namespace eventcollect
