#include "collect/committer.hpp"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "collect/calls_out.hpp"
#include "sink/guard.hpp"

namespace eventcollect::collect {

using sink::checked_write;
using sink::guard;
using sink::out_of_memory;
using sink::tell;

namespace {

using std::chrono::steady_clock;

void count_duration(DurationHistogram& histogram, std::chrono::duration<double> took) {
  const auto& bounds = DurationHistogram::bounds;
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), took.count());
  ++histogram.counts[static_cast<std::size_t>(bucket - bounds.begin())];
  histogram.sum_seconds += took.count();
}

}  // namespace

std::shared_ptr<Committer> Committer::start(std::shared_ptr<Sink> sink, Options options) {
  static_cast<void>(out_of_memory());  // which a static collector needs to its end
  std::shared_ptr<Committer> self{new Committer{std::move(sink), std::move(options)}};
  // The threads share in the ownership, so one whose sink never returns can be left behind.
  self->writer_thread_ = std::thread{[self] { self->run_writer(); }};
  try {
    self->watch_thread_ = std::thread{[self] { self->run_watch(); }};
  } catch (...) {
    self->close(self->options_.health.timeout);
    throw;
  }
  return self;
}

Committer::Committer(std::shared_ptr<Sink> sink, Options options)
    : sink_{std::in_place, std::move(sink)},
      options_{std::move(options)},
      queue_{options_.queue},
      health_{options_.health, steady_clock::now()} {}

std::optional<Error> Committer::submit(const Batch& events, OnFailure on_failure, Done done,
                                       SteadyTime deadline, SteadyTime room_deadline) {
  Lock lock{mutex_};
  const auto has_room = [&] { return queue_.has_room_for(events); };
  const auto is_decided = [&] { return closing_ || is_turned_away(on_failure) || has_room(); };
  if (!is_decided() && room_deadline > steady_clock::now()) {
    room_.wait_until(lock, room_deadline, is_decided);
  }
  if (closing_) return Error{Error::unavailable, "the collector is closed"};
  const bool is_turned_away_now = is_turned_away(on_failure);
  if (is_turned_away_now || !has_room()) {
    // Before anything is counted: this throws where memory is short. Not a copy, which would share
    // its text with the writer: how it does that, no thread sanitizer sees.
    const Error* down = is_turned_away_now ? &health_.refusal() : nullptr;
    Error refusal = down != nullptr ? Error{down->kind(), down->what()}
                                    : Error{Error::unavailable, "the queue is full"};
    if (!is_turned_away_now) ++statistics_.queue_full;
    if (on_failure == OnFailure::drop) statistics_.events_lost += events.size();
    return refusal;
  }
  if (health_.is_down() && is_kept(on_failure)) {
    queue_.add_to_backlog(events, on_failure, std::move(done));
    return {};
  }
  if (queue_.add(events, on_failure, std::move(done), deadline)) work_.notify_one();
  if (queue_.next_deadline() < watching_until_) watch_.notify_one();
  return {};
}

// While the sink is down, what is not kept is not queued. What a completion or a handler sends is:
// one that sends again after each failure has to wait for the next attempt.
bool Committer::is_turned_away(OnFailure on_failure) const {
  return health_.is_down() && !is_kept(on_failure) && !is_calling_out();
}

void Committer::run_writer() {
  {
    const CallingOut calling_out;
    Lock lock{mutex_};
    while (wait_for_work(lock)) {
      if (health_.may_write() && (queue_.has_new() || is_retry_due())) {
        write(lock);
      } else {
        maintain(lock);
      }
    }
    finished_ = true;
    room_.notify_all();
    watch_.notify_all();
  }
  // Its file or connection does not stay open as long as an endpoint lives. It may close a
  // collector of its own.
  sink_.reset();
}

// Waits until there is something to write or to maintain. False when everything has come to its
// end.
bool Committer::wait_for_work(Lock& lock) {
  for (;;) {
    if (abandoned_) return false;
    if (queue_.has_new() && health_.may_write()) return true;
    if (closing_ && !queue_.has_new() && !queue_.has_kept()) return false;
    SteadyTime due = health_.maintain_at();
    if (queue_.has_kept() && health_.may_write()) due = std::min(due, health_.retry_at());
    if (steady_clock::now() >= due) return true;
    work_.wait_until(lock, due);
  }
}

bool Committer::is_retry_due() const {
  return queue_.has_kept() && steady_clock::now() >= health_.retry_at();
}

void Committer::write(Lock& lock) {
  const Batch* batch = nullptr;
  try {
    batch = &queue_.begin_write(is_retry_due());
  } catch (const std::bad_alloc&) {
    return health_.postpone_retry(steady_clock::now());
  }
  const Call call = queue_.is_lone_retry() ? Call::lone_retry : Call::write;
  Rejections rejections;
  const SteadyTime begin = steady_clock::now();
  const auto failure = call_sink(lock, [&] { checked_write(**sink_, *batch, rejections); });
  if (abandoned_) return;
  const SteadyTime end = steady_clock::now();
  count_duration(statistics_.write_seconds, end - begin);
  const bool recovered = note_result(call, end, failure);
  if (failure) {
    note_failed(lock, *failure, queue_.write_failed());
  } else {
    note_stored(lock, std::move(rejections), recovered);
  }
}

void Committer::maintain(Lock& lock) {
  // Before the lock is given away: while the sink is called it may be abandoned.
  const auto fault = guard([&] {
    if (options_.check) options_.check();
  });
  auto failure = call_sink(lock, [&] { (*sink_)->maintain(); });
  if (abandoned_) return;
  if (!failure) failure = fault;
  const bool recovered = note_result(Call::maintain, steady_clock::now(), failure);
  if (failure) return note_failed(lock, *failure, {});
  run_handlers(lock, [&] {
    if (recovered) tell(options_.on_recovery);
  });
}

template <typename Function>
std::optional<Error> Committer::call_sink(Lock& lock, Function&& function) {
  health_.begin_call(steady_clock::now());
  lock.unlock();
  auto failure = guard(function);
  lock.lock();
  return failure;
}

// True if this success is the first after a failure.
bool Committer::note_result(Call call, SteadyTime now, const std::optional<Error>& failure) {
  if (failure) ++statistics_.failures[failure->kind()];
  return health_.end_call(call, now, failure);
}

void Committer::note_stored(Lock& lock, Rejections rejections, bool recovered) {
  Groups written = queue_.write_succeeded();
  Group& group = written.front();
  count_stored(group.batch, rejections);
  run_handlers(lock, [&] {
    if (recovered) tell(options_.on_recovery);
    answer_stored(group, rejections.take(), options_.events);
    group.clear();
  });
  queue_.recycle(std::move(written));
}

// `unkept` is what a failed write leaves to be answered.
void Committer::note_failed(Lock& lock, const Error& failure, Groups unkept) {
  const bool is_down = health_.is_down();
  Groups turned_away;
  if (is_down) turned_away = queue_.turn_away_new();
  const Error& refusal = is_down ? health_.refusal() : failure;  // this thread alone changes it
  for (const Group& group : unkept) count_lost(group.submissions);
  for (const Group& group : turned_away) count_lost(group.submissions);
  run_handlers(lock, [&] {
    tell(options_.on_failure, failure);
    for (Group& group : unkept) {
      answer_failed(group, failure, options_.events);
      group.clear();
    }
    for (const Group& group : turned_away) answer_failed(group, refusal, options_.events);
    turned_away.clear();
  });
  queue_.recycle(std::move(unkept));
}

void Committer::count_stored(const Batch& batch, const Rejections& rejections) {
  ++statistics_.batches_stored;
  statistics_.events_rejected += rejections.size();
  statistics_.events_stored += batch.size() - rejections.size();
}

// Counts what no sender is told of.
void Committer::count_lost(std::span<const Submission> submissions) {
  for (const Submission& submission : submissions) {
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

void Committer::run_watch() {
  const CallingOut calling_out;
  Lock lock{mutex_};
  while (!is_over()) {
    const SteadyTime now = steady_clock::now();
    Done overdue = queue_.take_overdue(now);
    if (!overdue) {
      // Not the end of time: some clocks' waits overflow on it.
      watching_until_ = std::min(queue_.next_deadline(), now + std::chrono::hours{24});
      watch_.wait_until(lock, watching_until_);
      continue;
    }
    ++statistics_.deadlines_missed;
    lock.unlock();
    tell(overdue, Outcome{.failure = &late_});
    overdue = {};
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
  const Batch* batch = queue_.writing();
  const std::vector<Submission> writing = queue_.take_writing();
  const Groups waiting = queue_.take_waiting();
  count_lost(writing);
  for (const Group& group : waiting) count_lost(group.submissions);
  work_.notify_all();
  watch_.notify_all();
  lock.unlock();
  const CallingOut calling_out;
  if (batch != nullptr) give_up(*batch, writing, closed_while_writing_, options_.events);
  for (const Group& group : waiting) {
    give_up(group.batch, group.submissions, closed_before_writing_, options_.events);
  }
}

void Committer::end_threads() {
  if (!writer_thread_.joinable()) return;
  if (abandoned_) {
    writer_thread_.detach();
  } else {
    writer_thread_.join();
  }
  if (watch_thread_.joinable()) watch_thread_.join();
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
