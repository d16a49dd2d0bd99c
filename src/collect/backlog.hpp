// The submissions that are kept across failures of the sink, and how many of them to retry at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "collect/submission.hpp"

namespace eventcollect::collect {

// A retry that failed is repeated with half of its submissions, until one is left: so an event that
// makes the sink fail is alone in the end, and goes behind all others. After a success the next
// retry takes twice as many. One thread at a time.
class Backlog {
 public:
  // A retry begins no further submission above `max_batch_bytes`.
  explicit Backlog(std::size_t max_batch_bytes) : max_batch_bytes_{max_batch_bytes} {}

  bool empty() const { return parts_.empty(); }
  std::size_t events() const { return events_; }
  std::size_t memory_bytes() const { return bytes_; }

  // Moves the submissions that are to be kept out of `group`, a list of one: `keep` after its write
  // failed, `keep_untried` where it was not written. Where memory is short, a group of nothing else
  // is moved as it is; of another, what cannot be copied stays there.
  void keep(Groups& group);
  void keep_untried(Groups& group) { move_kept(group); }

  // Adds a copy of `events` at the end. Changes nothing where it throws.
  void add(const Batch& events, OnFailure on_failure, Done done) {
    Submission submission{0, events.size(), on_failure, std::move(done)};
    append(events, submission);
  }

  // Takes what is to be retried next out of the backlog, which must not be empty: one group. One of
  // the two below tells how that went, before the next is taken. Where memory is short it takes
  // less, or throws std::bad_alloc and changes nothing.
  Groups take();
  void retry_succeeded(const Group& group);
  void retry_failed(Groups& group);

  Groups take_all();

  // What its work is measured by: the groups that it holds, and the bytes that it has copied.
  std::size_t groups() const { return parts_.size(); }
  std::uint64_t copied_bytes() const { return copied_bytes_; }

 private:
  std::size_t next_count() const { return suspects_ > 0 ? (suspects_ + 1) / 2 : retry_count_; }
  std::size_t move_kept(Groups& group);
  void append(const Batch& from, Submission& submission);
  void move_first(Group& to);

  const std::size_t max_batch_bytes_;
  Groups parts_;                 // oldest first; none is empty
  std::size_t events_ = 0;       // of what is not taken
  std::size_t bytes_ = 0;        // likewise
  std::size_t retry_count_ = 1;  // the submissions of the next retry
  std::size_t suspects_ = 0;     // the first so many failed together, and are halved before others
  std::uint64_t copied_bytes_ = 0;
};

}  // namespace eventcollect::collect
