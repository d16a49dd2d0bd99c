#include "collect/submission_queue.hpp"

#include <utility>

namespace eventcollect::collect {

bool SubmissionQueue::has_room_for(const Batch& events) const {
  return memory_bytes() + events.memory_bytes() + sizeof(Submission) <= limits_.max_bytes;
}

bool SubmissionQueue::add(const Batch& events, OnFailure on_failure, Done done,
                          SteadyTime deadline) {
  const bool begins_group =
      arrivals_.empty() || arrivals_.back().batch.bytes() >= limits_.max_batch_bytes;
  const bool has_deadline = done && deadline != SteadyTime::max();
  if (has_deadline) deadlines_.reserve_one();
  if (begins_group && spare_.empty()) spare_.emplace_back();
  Group& group = begins_group ? spare_.front() : arrivals_.back();
  const std::size_t before = group.memory_bytes();
  group.add(events, 0, events.size(), on_failure, std::move(done));
  if (begins_group) {
    group.first_number = next_number_;
    arrivals_.splice(arrivals_.end(), spare_);
  }
  arrived_bytes_ += group.memory_bytes() - before;
  arrived_events_ += events.size();
  if (has_deadline) deadlines_.push({deadline, next_number_, &group});
  ++next_number_;
  return begins_group;
}

const Batch& SubmissionQueue::begin_write(bool is_retry_due) {
  const bool is_new_in_turn = has_new() && is_retry_;
  is_retry_ = is_retry_due && !is_new_in_turn;
  if (is_retry_) {
    writing_ = backlog_.take();
  } else {
    writing_.splice(writing_.end(), arrivals_, arrivals_.begin());
    arrived_bytes_ -= writing_.front().memory_bytes();
    arrived_events_ -= writing_.front().batch.size();
  }
  return writing_.front().batch;
}

Groups SubmissionQueue::write_succeeded() {
  if (is_retry_) backlog_.retry_succeeded(writing_.front());
  return end_write();
}

Groups SubmissionQueue::write_failed() {
  if (is_retry_) {
    backlog_.retry_failed(writing_);
  } else {
    backlog_.keep(writing_);
  }
  return end_write();
}

Groups SubmissionQueue::end_write() {
  Groups ended;
  ended.swap(writing_);
  forget_old_deadlines();
  return ended;
}

void SubmissionQueue::forget_old_deadlines() {
  while (!deadlines_.empty() && deadlines_.top().number < oldest_number()) deadlines_.pop();
}

Groups SubmissionQueue::turn_away_new() {
  Groups turned_away;
  while (!arrivals_.empty()) {
    Groups group;
    group.splice(group.end(), arrivals_, arrivals_.begin());
    backlog_.keep_untried(group);
    turned_away.splice(turned_away.end(), group);
  }
  arrived_events_ = arrived_bytes_ = 0;
  forget_old_deadlines();
  return turned_away;
}

void SubmissionQueue::recycle(Groups answered) {
  if (answered.empty() || !spare_.empty()) return;
  constexpr std::size_t kept_submissions = 1'024;  // an outage takes far more at once
  if (answered.front().submissions.capacity() > kept_submissions) return;
  answered.front().clear();
  spare_.splice(spare_.end(), answered, answered.begin());
}

// Of those that are numbered and here.
std::uint64_t SubmissionQueue::oldest_number() const {
  if (!is_retry_ && !writing_.empty()) return writing_.front().first_number;
  return arrivals_.empty() ? next_number_ : arrivals_.front().first_number;
}

Submission* SubmissionQueue::find(const Deadline& deadline) const {
  if (deadline.number < oldest_number()) return nullptr;
  const std::uint64_t place = deadline.number - deadline.group->first_number;
  auto& submissions = deadline.group->submissions;
  return place < submissions.size() ? &submissions[place] : nullptr;
}

Done SubmissionQueue::take_overdue(SteadyTime now) {
  while (next_deadline() <= now) {
    Submission* submission = find(deadlines_.top());
    deadlines_.pop();
    if (submission != nullptr && submission->done) return std::exchange(submission->done, {});
  }
  return {};
}

SteadyTime SubmissionQueue::next_deadline() const {
  return deadlines_.empty() ? SteadyTime::max() : deadlines_.top().time;
}

Groups SubmissionQueue::take_waiting() {
  Groups waiting = backlog_.take_all();
  waiting.splice(waiting.end(), arrivals_);
  arrived_events_ = arrived_bytes_ = 0;
  return waiting;
}

std::vector<Submission> SubmissionQueue::take_writing() {
  if (writing_.empty()) return {};
  return std::exchange(writing_.front().submissions, {});
}

}  // namespace eventcollect::collect
