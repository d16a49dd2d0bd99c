#include "collect/committer.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "sink/guard.hpp"

namespace eventcollect {
namespace {

using std::chrono::steady_clock;

thread_local bool is_committer_thread = false;

const std::vector<Rejection> no_rejections;

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
    // It is maintained at once: a sink that connects when it is first called shows whether it can.
    : sink_{std::move(sink)}, options_{std::move(options)}, maintain_at_{steady_clock::now()} {}

Committer::Admission Committer::submit(const Batch& events, OnFailure on_failure, Done done,
                                       SteadyTime deadline, SteadyTime room_deadline) {
  Lock lock{mutex_};
  const auto has_room = [&] {
    return closing_ ||
           queued_bytes() + events.memory_bytes() + sizeof(Entry) <= options_.max_queue_bytes;
  };
  if (!has_room() && room_deadline > steady_clock::now()) {
    room_.wait_until(lock, room_deadline, has_room);
  }
  if (closing_) return Admission::closed;
  if (!has_room()) {
    ++statistics_.queue_full;
    if (on_failure == OnFailure::drop) statistics_.events_lost += events.size();
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

std::size_t Committer::bytes_of(const Group& group) {
  return group.batch.memory_bytes() + group.entries.size() * sizeof(Entry);
}

std::size_t Committer::queued_bytes() const {
  std::size_t bytes = bytes_of(writing_);
  for (const Group& group : kept_) bytes += bytes_of(group);
  for (const Group& group : queue_) bytes += bytes_of(group);
  return bytes;
}

void Committer::run_writer() {
  is_committer_thread = true;
  Lock lock{mutex_};
  while (wait_for_work(lock)) {
    if (!queue_.empty() || is_retry_due()) {
      write(lock, take_work());
    } else {
      maintain(lock);
    }
  }
  finished_ = true;
  room_.notify_all();
  watch_.notify_all();
}

// Waits until there is something to write or to maintain. False when everything has come to its
// end.
bool Committer::wait_for_work(Lock& lock) {
  for (;;) {
    if (abandoned_) return false;
    if (!queue_.empty()) return true;
    if (closing_ && kept_.empty()) return false;
    const SteadyTime due = kept_.empty() ? maintain_at_ : retry_at_;
    if (steady_clock::now() >= due) return true;
    work_.wait_until(lock, due);
  }
}

bool Committer::is_retry_due() const { return !kept_.empty() && steady_clock::now() >= retry_at_; }

// What failed before has its turn when that is due, and never in one batch with what is new: it may
// be its own fault that it failed.
Committer::Group Committer::take_work() {
  std::deque<Group>& from = is_retry_due() ? kept_ : queue_;
  Group group = std::move(from.front());
  from.pop_front();
  return group;
}

void Committer::write(Lock& lock, Group group) {
  writing_ = std::move(group);
  const Batch& batch = writing_.batch;
  const SteadyTime begin = steady_clock::now();
  calling_since_ = begin;
  lock.unlock();
  Rejections rejections;
  const auto failure = guard([&] { sink_->write(batch, rejections); });
  const SteadyTime end = steady_clock::now();
  lock.lock();
  calling_since_.reset();
  if (abandoned_) return;
  count_duration(statistics_.write_seconds, end - begin);
  maintain_at_ = end + options_.maintain_interval;
  settle(lock, std::exchange(writing_, {}), rejections, failure);
}

void Committer::maintain(Lock& lock) {
  calling_since_ = steady_clock::now();
  lock.unlock();
  const auto failure = guard([&] { sink_->maintain(); });
  lock.lock();
  calling_since_.reset();
  if (abandoned_) return;
  maintain_at_ = steady_clock::now() + options_.maintain_interval;
  const bool recovered = note_result(failure);
  is_answering_ = true;
  lock.unlock();
  report(failure, recovered);
  lock.lock();
  is_answering_ = false;
  room_.notify_all();
}

// Whether this success is the first after a failure.
bool Committer::note_result(const std::optional<Error>& failure) {
  statistics_.ready = !failure;
  const bool had_failed = std::exchange(has_failed_, !statistics_.ready);
  if (!failure) return had_failed;
  ++statistics_.failures[failure->kind()];
  retry_at_ = steady_clock::now() + options_.maintain_interval;
  return false;
}

void Committer::report(const std::optional<Error>& failure, bool recovered) const {
  if (failure && options_.on_failure) options_.on_failure(*failure);
  if (recovered && options_.on_recovery) options_.on_recovery();
}

// Answers for a group that was written, or that could not be.
void Committer::settle(Lock& lock, Group group, const Rejections& rejections,
                       const std::optional<Error>& failure) {
  const bool recovered = note_result(failure);
  if (failure) {
    keep_for_retry(group);
    for (const Entry& entry : group.entries) {
      if (entry.on_failure == OnFailure::drop) statistics_.events_lost += entry.count;
    }
  } else {
    ++statistics_.batches_stored;
    statistics_.events_rejected += rejections.size();
    statistics_.events_stored += group.batch.size() - rejections.size();
    // Where one worked, the others that failed before need not wait.
    retry_at_ = steady_clock::now();
  }
  room_.notify_all();
  is_answering_ = true;
  lock.unlock();
  report(failure, recovered);
  answer(group, rejections, failure);
  group.entries.clear();
  group.batch.clear();
  lock.lock();
  is_answering_ = false;
  room_.notify_all();
  if (spare_.entries.capacity() == 0) spare_ = std::move(group);
}

// Moves what is to be tried again out of a group that failed, in two halves: so an event that makes
// the sink fail is alone in the end, and the others get through.
void Committer::keep_for_retry(Group& group) {
  const auto is_kept = [](const Entry& entry) { return entry.on_failure == OnFailure::keep; };
  const auto count = std::count_if(group.entries.begin(), group.entries.end(), is_kept);
  std::ptrdiff_t moved = 0;
  for (Entry& entry : group.entries) {
    if (!is_kept(entry)) continue;
    if (moved == 0 || moved == (count + 1) / 2) kept_.emplace_back();
    ++moved;
    Group& half = kept_.back();
    const std::size_t first = half.batch.size();
    half.batch.append(group.batch, entry.first, entry.count);
    half.entries.push_back(
        {first, entry.count, OnFailure::keep, std::move(entry.done), entry.deadline});
  }
  std::erase_if(group.entries, is_kept);
}

void Committer::answer(Group& group, const Rejections& rejections,
                       const std::optional<Error>& failure) const {
  const bool any_rejected = !failure && !rejections.empty();
  for (Entry& entry : group.entries) {
    const auto of_entry = any_rejected ? rejections_of(group, rejections, entry) : no_rejections;
    if (entry.done) entry.done({failure ? &*failure : nullptr, of_entry});
  }
}

// What the sink rejected of one entry, told to the handlers on the way.
std::vector<Rejection> Committer::rejections_of(const Group& group, const Rejections& rejections,
                                                const Entry& entry) const {
  std::vector<Rejection> found;
  for (const Rejection& rejection : rejections) {
    if (rejection.index < entry.first || rejection.index >= entry.first + entry.count) continue;
    const Event event = group.batch[rejection.index];
    found.push_back(rejection);
    found.back().index -= entry.first;
    if (options_.on_rejected) options_.on_rejected(event, rejection.message);
    // Nobody sends a kept event again, so its owner has to hear of it.
    if (entry.on_failure == OnFailure::keep && options_.on_lost) {
      options_.on_lost(event, rejection.message);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Rejection& a, const Rejection& b) { return a.index < b.index; });
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
    const Error failure{Error::in_doubt, "the sink did not confirm in time"};
    for (const Done& done : overdue) done({&failure, no_rejections});
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

bool Committer::close(std::chrono::milliseconds timeout) {
  const std::lock_guard closing{close_mutex_};
  Lock lock{mutex_};
  closing_ = true;
  work_.notify_all();
  room_.notify_all();
  const auto is_over = [&] { return finished_ || abandoned_; };
  room_.wait_for(lock, timeout, is_over);
  // The sink may be left to itself, but not a handler: what it uses may go when we return.
  room_.wait(lock, [&] { return is_over() || !is_answering_; });
  if (!is_over()) abandon(lock);
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
  std::deque<Group> unwritten = std::exchange(kept_, {});
  for (Group& group : std::exchange(queue_, {})) unwritten.push_back(std::move(group));
  const auto note_lost = [&](const Group& group) {
    for (const Entry& entry : group.entries) {
      if (entry.on_failure != OnFailure::report) statistics_.events_lost += entry.count;
    }
  };
  note_lost(in_doubt);
  for (const Group& group : unwritten) note_lost(group);
  work_.notify_all();
  watch_.notify_all();
  lock.unlock();
  give_up(in_doubt, {Error::in_doubt, "closed before the sink had confirmed"});
  const Error closed{Error::unavailable, "closed before it could be written"};
  for (Group& group : unwritten) give_up(group, closed);
  lock.lock();
}

void Committer::give_up(Group& group, const Error& failure) const {
  for (Entry& entry : group.entries) {
    if (entry.on_failure == OnFailure::keep && options_.on_lost) {
      for (std::size_t i = 0; i < entry.count; ++i) {
        options_.on_lost(group.batch[entry.first + i], failure.what());
      }
    }
    if (entry.done) entry.done({&failure, no_rejections});
  }
}

void Committer::count_lost(std::size_t events) {
  const Lock lock{mutex_};
  statistics_.events_lost += events;
}

bool Committer::is_ready() const {
  const bool hangs = calling_since_ && steady_clock::now() - *calling_since_ > options_.timeout;
  return statistics_.ready && !hangs && !closing_;
}

bool Committer::ready() const {
  const Lock lock{mutex_};
  return is_ready();
}

SinkStatistics Committer::statistics() const {
  const Lock lock{mutex_};
  SinkStatistics snapshot = statistics_;
  snapshot.ready = is_ready();
  snapshot.queued_bytes = queued_bytes();
  snapshot.queued_events = writing_.batch.size();
  for (const Group& group : kept_) snapshot.queued_events += group.batch.size();
  for (const Group& group : queue_) snapshot.queued_events += group.batch.size();
  return snapshot;
}

}  // namespace eventcollect
