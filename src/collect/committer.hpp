// Group commit: many submissions, one sink, one writer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "eventcollect/sink.hpp"
#include "eventcollect/statistics.hpp"

namespace eventcollect {

using SteadyTime = std::chrono::steady_clock::time_point;

// Whether this thread belongs to a committer, so that waiting for one would be waiting for itself.
bool on_committer_thread();

// Owns the threads of a sink: the writer, which alone calls it, and the watch, which answers for
// the writer when a call takes too long. Safe from any thread.
class Committer : public std::enable_shared_from_this<Committer> {
 public:
  using LostHandler = std::function<void(const Event&, std::string_view why)>;

  struct Options {
    std::size_t max_queue_bytes;
    std::size_t max_batch_bytes;
    std::chrono::milliseconds maintain_interval;
    std::chrono::milliseconds timeout;  // a call of the sink that takes longer makes it not ready
    LostHandler on_rejected;            // of every event that the sink rejected
    LostHandler on_lost;                // of every kept event that was given up or rejected
    std::function<void(const Error&)> on_failure;
    std::function<void()> on_recovery;
  };

  // What became of a submission. The rejections are those of the sink, by index in the submission.
  struct Outcome {
    const Error* failure = nullptr;
    const std::vector<Rejection>& rejections;
  };
  using Done = std::function<void(const Outcome&)>;

  // How a submission fares when the sink fails.
  enum class OnFailure : std::uint8_t {
    report,  // whoever sent it is told, and may send it again
    keep,    // it stays with us until it is stored or given up
    drop,    // it is only counted
  };

  enum class Admission : std::uint8_t { queued, full, closed };

  static std::shared_ptr<Committer> start(std::shared_ptr<Sink> sink, Options options);

  // Queues a copy of `events`, which stay together. `done` may be empty; if the result is `queued`
  // it is called once, from a thread of the committer, by `deadline` at the latest. At the bound it
  // waits for room until `room_deadline`.
  Admission submit(const Batch& events, OnFailure on_failure, Done done, SteadyTime deadline,
                   SteadyTime room_deadline = SteadyTime::min());

  // Counts events that were to be kept and could not even be queued.
  void count_lost(std::size_t events);

  // Ends it: see Collector::close. No handler is called any more when it has returned.
  bool close(std::chrono::milliseconds timeout);

  bool ready() const;
  SinkStatistics statistics() const;

 private:
  struct Entry {
    std::size_t first;
    std::size_t count;
    OnFailure on_failure;
    Done done;
    SteadyTime deadline;
  };

  // What is written in one go.
  struct Group {
    Batch batch;
    std::vector<Entry> entries;
  };

  using Lock = std::unique_lock<std::mutex>;

  Committer(std::shared_ptr<Sink> sink, Options options);

  void run_writer();
  void run_watch();
  bool wait_for_work(Lock& lock);
  bool is_retry_due() const;
  Group take_work();
  void write(Lock& lock, Group group);
  void maintain(Lock& lock);
  void settle(Lock& lock, Group group, const Rejections& rejections,
              const std::optional<Error>& failure);
  void keep_for_retry(Group& group);
  void give_up(Group& group, const Error& failure) const;
  bool note_result(const std::optional<Error>& failure);
  void report(const std::optional<Error>& failure, bool recovered) const;
  void answer(Group& group, const Rejections& rejections,
              const std::optional<Error>& failure) const;
  std::vector<Rejection> rejections_of(const Group& group, const Rejections& rejections,
                                       const Entry& entry) const;
  void abandon(Lock& lock);
  std::vector<Done> take_overdue(SteadyTime now);
  bool is_ready() const;
  static std::size_t bytes_of(const Group& group);
  std::size_t queued_bytes() const;

  const std::shared_ptr<Sink> sink_;
  const Options options_;

  mutable std::mutex mutex_;
  std::condition_variable work_;   // for the writer
  std::condition_variable watch_;  // for the watch
  std::condition_variable room_;   // for those who wait for room or for the end
  std::deque<Group> queue_;        // arrivals, oldest first
  std::deque<Group> kept_;         // failed before, to be tried again one by one
  Group writing_;                  // with the sink right now
  Group spare_;                    // empty, but with memory
  SteadyTime retry_at_{};
  SteadyTime maintain_at_{};
  SteadyTime watching_until_ = SteadyTime::max();
  std::optional<SteadyTime> calling_since_;  // while the sink has the thread
  bool is_answering_ = false;                // while handlers have it
  bool has_failed_ = false;                  // the last call
  bool closing_ = false;
  bool abandoned_ = false;
  bool finished_ = false;
  SinkStatistics statistics_;

  std::mutex close_mutex_;  // taken before mutex_
  std::thread writer_thread_;
  std::thread watch_thread_;
};

}  // namespace eventcollect
