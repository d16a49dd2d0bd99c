// Group commit: many submissions, one sink, one writer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "collect/answers.hpp"
#include "collect/sink_claim.hpp"
#include "collect/sink_health.hpp"
#include "collect/submission_queue.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/statistics.hpp"

namespace eventcollect::collect {

// Owns the threads of a sink: the writer, which alone calls it, and the watch, which answers for
// the writer when a call takes too long. While the sink is known to be down, it keeps what is to be
// kept and turns the rest away at once. Safe from any thread.
class Committer {
 public:
  struct Options {
    SubmissionQueue::Limits queue;
    SinkHealth::Options health;
    EventHandlers events;
    std::function<void(const Error&)> on_failure;
    std::function<void()> on_recovery;
    // Asked before the sink is maintained: throws Error where no event can be taken, whatever the
    // sink says. Not asked any more when close() has returned.
    std::function<void()> check{};
  };

  // Throws std::logic_error where the sink has a committer already.
  static std::shared_ptr<Committer> start(std::shared_ptr<Sink> sink, Options options);

  // Queues a copy of `events`, which stay together, or says why not. `done` may be empty; if they
  // are queued it is called once, from a thread of the committer, by `deadline` at the latest. At
  // the bound it waits for room until `room_deadline`.
  std::optional<Error> submit(const Batch& events, OnFailure on_failure, Done done,
                              SteadyTime deadline, SteadyTime room_deadline = SteadyTime::min());

  // Counts events that were to be kept and could not even be queued.
  void count_lost(std::size_t events);

  // Ends it: see Collector::close. No handler is called any more when it has returned.
  bool close(std::chrono::milliseconds timeout);

  bool ready() const;
  SinkStatistics statistics() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Call = SinkHealth::Call;

  Committer(std::shared_ptr<Sink> sink, Options options);

  void run_writer();
  bool wait_for_work(Lock& lock);
  bool is_retry_due() const;
  void write(Lock& lock);
  void maintain(Lock& lock);
  template <typename Function>
  std::optional<Error> call_sink(Lock& lock, Function&& function);
  bool note_result(Call call, SteadyTime now, const std::optional<Error>& failure);
  void note_stored(Lock& lock, Rejections rejections, bool recovered);
  void note_failed(Lock& lock, const Error& failure, Groups unkept);
  void count_stored(const Batch& batch, const Rejections& rejections);
  void count_lost(std::span<const Submission> submissions);
  bool is_turned_away(OnFailure on_failure) const;
  template <typename Answers>
  void run_handlers(Lock& lock, Answers&& answers);

  void run_watch();

  void abandon(Lock lock);
  void end_threads();
  bool is_over() const { return finished_ || abandoned_; }

  std::optional<SinkClaim> sink_;  // until the writer ends
  const Options options_;

  // Made ahead, since memory may be short when they are needed.
  const Error late_{Error::in_doubt, "the sink did not confirm in time"};
  const Error closed_while_writing_{Error::in_doubt, "closed before the sink had confirmed"};
  const Error closed_before_writing_{Error::unavailable, "closed before it could be written"};

  mutable std::mutex mutex_;
  std::condition_variable work_;   // for the writer
  std::condition_variable watch_;  // for the watch
  std::condition_variable room_;   // for those who wait for room or for the end
  SubmissionQueue queue_;
  SinkHealth health_;
  SinkStatistics statistics_;
  SteadyTime watching_until_ = SteadyTime::max();
  bool is_answering_ = false;  // while the writer runs handlers
  bool closing_ = false;
  bool abandoned_ = false;
  bool finished_ = false;

  std::mutex close_mutex_;  // taken before mutex_
  std::thread writer_thread_;
  std::thread watch_thread_;
};

}  // namespace eventcollect::collect
