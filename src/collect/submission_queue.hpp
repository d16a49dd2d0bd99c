// The submissions that wait to be written, and those that are being written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "collect/backlog.hpp"
#include "collect/submission.hpp"

namespace eventcollect::collect {

// Arrivals gather in groups, in the order in which they came; what failed and is to be kept waits
// in a backlog, and never joins a group of new ones: it may be its own fault that it failed. What a
// submission costs does not depend on how many wait. One thread at a time.
class SubmissionQueue {
 public:
  struct Limits {
    std::size_t max_bytes;        // of everything that is here, in memory
    std::size_t max_batch_bytes;  // a group begins no further submission above this
  };

  explicit SubmissionQueue(Limits limits) : limits_{limits}, backlog_{limits.max_batch_bytes} {}

  bool has_room_for(const Batch& events) const;

  // Adds a copy of `events`, whose answer is due by `deadline`. Asks for no room. True if they
  // begin a group.
  bool add(const Batch& events, OnFailure on_failure, Done done, SteadyTime deadline);

  // Adds a copy of `events`, which are kept, to what waits for a retry: while the sink is down
  // there is no sense in a first attempt. No deadline.
  void add_to_backlog(const Batch& events, OnFailure on_failure, Done done) {
    backlog_.add(events, on_failure, std::move(done));
  }

  bool has_new() const { return !arrivals_.empty(); }
  bool has_kept() const { return !backlog_.empty(); }

  // Whether what is being written is one submission that failed before.
  bool is_lone_retry() const { return is_retry_ && writing_.front().submissions.size() == 1; }

  // Begins to write a group, which must be there: a kept one, where `is_retry_due`, or a new one,
  // in turn where there are both. The batch stays where it is until one of the two below is called.
  // Throws std::bad_alloc where there is no memory for a retry, which then waits for the next call.
  const Batch& begin_write(bool is_retry_due);

  // Ends it. The result holds the submissions that are to be answered; after a failure also those
  // that were to be kept and that there is no memory for.
  Groups write_succeeded();
  Groups write_failed();

  // The sink is down: empties what is new. What is to be kept of it waits for a retry; the result
  // is like that of write_failed().
  Groups turn_away_new();

  // Gives back an answered group, if it is one, for its memory.
  void recycle(Groups answered);

  // Takes an answer that is due by `now`; its events stay. Empty where none is due.
  Done take_overdue(SteadyTime now);

  // When the next answer is due, or SteadyTime::max().
  SteadyTime next_deadline() const;

  // Everything that waits.
  Groups take_waiting();

  // What is being written; null for nothing. Its submissions can be taken, while the sink reads it.
  const Batch* writing() const { return writing_.empty() ? nullptr : &writing_.front().batch; }
  std::vector<Submission> take_writing();

  std::size_t events() const {
    const std::size_t writing = writing_.empty() ? 0 : writing_.front().batch.size();
    return arrived_events_ + writing + backlog_.events();
  }
  std::size_t memory_bytes() const {
    const std::size_t writing = writing_.empty() ? 0 : writing_.front().memory_bytes();
    return arrived_bytes_ + writing + backlog_.memory_bytes();
  }
  const Backlog& backlog() const { return backlog_; }

 private:
  struct Deadline {
    SteadyTime time;
    std::uint64_t number;  // of its submission
    Group* group;          // where that is, if no older one has gone
  };

  // The earliest is at the top.
  class Deadlines {
   public:
    bool empty() const { return heap_.empty(); }
    const Deadline& top() const { return heap_.front(); }

    // The next push() does not throw.
    void reserve_one() {
      if (heap_.size() == heap_.capacity()) heap_.reserve(2 * heap_.size() + 1);
    }
    void push(const Deadline& deadline) noexcept {
      heap_.push_back(deadline);
      std::push_heap(heap_.begin(), heap_.end(), is_later);
    }
    void pop() {
      std::pop_heap(heap_.begin(), heap_.end(), is_later);
      heap_.pop_back();
    }

   private:
    static bool is_later(const Deadline& a, const Deadline& b) { return a.time > b.time; }
    std::vector<Deadline> heap_;
  };

  Groups end_write();
  void forget_old_deadlines();
  std::uint64_t oldest_number() const;
  Submission* find(const Deadline& deadline) const;

  const Limits limits_;
  Groups arrivals_;  // oldest first; none is empty
  std::size_t arrived_events_ = 0;
  std::size_t arrived_bytes_ = 0;
  std::uint64_t next_number_ = 0;  // of new submissions, as they come
  Backlog backlog_;
  Groups writing_;         // at most one
  bool is_retry_ = false;  // what is or was written last
  Groups spare_;           // at most one, empty, but with memory
  // Of answered submissions, too, until no older one is here.
  Deadlines deadlines_;
};

}  // namespace eventcollect::collect
