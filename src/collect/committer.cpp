#include "collect/committer.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "sink/guard.hpp"

namespace eventcollect::collect {

using sink::checked_write;
using sink::guard;
using sink::out_of_memory;

namespace {

using std::chrono::steady_clock;

thread_local bool is_committer_thread = false;

// The thread that closes a committer is one of it while it runs handlers.
class ActingForCommitter {
 public:
  ActingForCommitter() = default;
  ActingForCommitter(const ActingForCommitter&) = delete;
  ActingForCommitter& operator=(const ActingForCommitter&) = delete;
  ~ActingForCommitter() { is_committer_thread = before_; }

 private:
  const bool before_ = std::exchange(is_committer_thread, true);
};

void count_duration(DurationHistogram& histogram, std::chrono::duration<double> took) {
  const auto& bounds = DurationHistogram::bounds;
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), took.count());
  ++histogram.counts[static_cast<std::size_t>(bucket - bounds.begin())];
  histogram.sum_seconds += took.count();
}

}  // namespace

bool on_committer_thread() { return is_committer_thread; }

std::shared_ptr<Committer> Committer::start(std::shared_ptr<Sink> sink, Options options) {
  static_cast<void>(out_of_memory());  // made as long as there is memory
  std::shared_ptr<Committer> self{new Committer{std::move(sink), std::move(options)}};
  // The threads share in the ownership, so one whose sink never returns can be left behind.
  self->writer_thread_ = std::thread{[self] { self->run_writer(); }};
  self->watch_thread_ = std::thread{[self] { self->run_watch(); }};
  return self;
}

Committer::Committer(std::shared_ptr<Sink> sink, Options options)
    : sink_{std::move(sink)},
      options_{std::move(options)},
      queue_{options_.queue},
      health_{options_.health, steady_clock::now()} {}

Committer::Admission Committer::submit(const Batch& events, OnFailure on_failure, Done done,
                                       SteadyTime deadline, SteadyTime room_deadline) {
  Lock lock{mutex_};
  const auto has_room = [&] { return closing_ || queue_.has_room_for(events); };
  if (!has_room() && room_deadline > steady_clock::now()) {
    room_.wait_until(lock, room_deadline, has_room);
  }
  if (closing_) return Admission::closed;
  if (!has_room()) {
    ++statistics_.queue_full;
    if (on_failure == OnFailure::drop) statistics_.events_lost += events.size();
    return Admission::full;
  }
  if (queue_.add(events, on_failure, std::move(done), deadline)) work_.notify_one();
  if (queue_.next_deadline() < watching_until_) watch_.notify_one();
  return Admission::queued;
}

void Committer::run_writer() {
  is_committer_thread = true;
  Lock lock{mutex_};
  while (wait_for_work(lock)) {
    if (queue_.has_new() || is_retry_due()) {
      write(lock);
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
    if (queue_.has_new()) return true;
    if (closing_ && !queue_.has_kept()) return false;
    const SteadyTime due = queue_.has_kept() ? health_.retry_at() : health_.maintain_at();
    if (steady_clock::now() >= due) return true;
    work_.wait_until(lock, due);
  }
}

bool Committer::is_retry_due() const {
  return queue_.has_kept() && steady_clock::now() >= health_.retry_at();
}

void Committer::write(Lock& lock) {
  const Batch& batch = queue_.begin_write(is_retry_due());
  Rejections rejections;
  const SteadyTime begin = steady_clock::now();
  const auto failure = call_sink(lock, [&] { checked_write(*sink_, batch, rejections); });
  if (abandoned_) return;
  const SteadyTime end = steady_clock::now();
  count_duration(statistics_.write_seconds, end - begin);
  const bool recovered = note_result(end, failure);
  Group group = failure ? queue_.write_failed() : queue_.write_succeeded();
  if (failure) {
    count_lost(group);
  } else {
    count_stored(group, rejections);
    health_.retry_at_once(end);
  }
  run_handlers(lock, [&] {
    report(failure, recovered);
    if (failure) {
      answer_failed(group, *failure);
    } else {
      answer_stored(group, rejections, options_.events);
    }
    group.submissions.clear();
    group.batch.clear();
  });
  queue_.recycle(std::move(group));
}

void Committer::maintain(Lock& lock) {
  const auto failure = call_sink(lock, [&] { sink_->maintain(); });
  if (abandoned_) return;
  const bool recovered = note_result(steady_clock::now(), failure);
  run_handlers(lock, [&] { report(failure, recovered); });
}

template <typename Call>
std::optional<Error> Committer::call_sink(Lock& lock, Call&& call) {
  health_.begin_call(steady_clock::now());
  lock.unlock();
  auto failure = guard(call);
  lock.lock();
  return failure;
}

// True if this success is the first after a failure.
bool Committer::note_result(SteadyTime now, const std::optional<Error>& failure) {
  if (failure) ++statistics_.failures[failure->kind()];
  return health_.end_call(now, failure);
}

void Committer::count_stored(const Group& group, const Rejections& rejections) {
  ++statistics_.batches_stored;
  statistics_.events_rejected += rejections.size();
  statistics_.events_stored += group.batch.size() - rejections.size();
}

// Counts what no sender is told of.
void Committer::count_lost(const Group& group) {
  for (const Submission& submission : group.submissions) {
    if (submission.on_failure != OnFailure::report) statistics_.events_lost += submission.count;
  }
}

template <typename Answers>
void Committer::run_handlers(Lock& lock, Answers&& answers) {
  room_.notify_all();
  is_answering_ = true;
  lock.unlock();
  answers();
  lock.lock();
  is_answering_ = false;
  room_.notify_all();
}

void Committer::report(const std::optional<Error>& failure, bool recovered) const {
  if (failure && options_.on_failure) options_.on_failure(*failure);
  if (recovered && options_.on_recovery) options_.on_recovery();
}

void Committer::run_watch() {
  is_committer_thread = true;
  Lock lock{mutex_};
  while (!is_over()) {
    const SteadyTime now = steady_clock::now();
    auto overdue = queue_.take_overdue(now);
    if (overdue.empty()) {
      // Not the end of time: some clocks' waits overflow on it.
      watching_until_ = std::min(queue_.next_deadline(), now + std::chrono::hours{24});
      watch_.wait_until(lock, watching_until_);
      continue;
    }
    statistics_.deadlines_missed += overdue.size();
    lock.unlock();
    const Error failure{Error::in_doubt, "the sink did not confirm in time"};
    for (const Done& done : overdue) done({.failure = &failure});
    overdue.clear();
    lock.lock();
  }
}

bool Committer::close(std::chrono::milliseconds timeout) {
  const std::lock_guard closing{close_mutex_};
  Lock lock{mutex_};
  closing_ = true;
  work_.notify_all();
  room_.notify_all();
  room_.wait_for(lock, timeout, [&] { return is_over(); });
  // The sink may be left to itself, but not a handler: what it uses may go when we return.
  room_.wait(lock, [&] { return is_over() || !is_answering_; });
  if (is_over()) {
    lock.unlock();
  } else {
    abandon(std::move(lock));
  }
  end_threads();
  return !abandoned_;  // which changes under close_mutex_ alone
}

// Gives up what is not written yet, and leaves the writer to itself.
void Committer::abandon(Lock lock) {
  abandoned_ = true;
  const Group writing = queue_.take_writing();
  const std::vector<Group> waiting = queue_.take_waiting();
  count_lost(writing);
  for (const Group& group : waiting) count_lost(group);
  work_.notify_all();
  watch_.notify_all();
  lock.unlock();
  const ActingForCommitter acting;
  give_up(writing, {Error::in_doubt, "closed before the sink had confirmed"}, options_.events);
  const Error closed{Error::unavailable, "closed before it could be written"};
  for (const Group& group : waiting) give_up(group, closed, options_.events);
}

void Committer::end_threads() {
  if (!writer_thread_.joinable()) return;
  if (abandoned_) {
    writer_thread_.detach();
  } else {
    writer_thread_.join();
  }
  watch_thread_.join();
}

void Committer::count_lost(std::size_t events) {
  const Lock lock{mutex_};
  statistics_.events_lost += events;
}

bool Committer::ready() const {
  const Lock lock{mutex_};
  return !closing_ && health_.is_ready(steady_clock::now());
}

SinkStatistics Committer::statistics() const {
  const Lock lock{mutex_};
  SinkStatistics snapshot = statistics_;
  snapshot.ready = !closing_ && health_.is_ready(steady_clock::now());
  snapshot.queued_events = queue_.events();
  snapshot.queued_bytes = queue_.memory_bytes();
  return snapshot;
}

}  // namespace eventcollect::collect
