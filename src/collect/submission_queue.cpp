#include "collect/submission_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace eventcollect::collect {

bool SubmissionQueue::has_room_for(const Batch& events) const {
  return memory_bytes() + events.memory_bytes() + sizeof(Submission) <= limits_.max_bytes;
}

bool SubmissionQueue::add(const Batch& events, OnFailure on_failure, Done done,
                          SteadyTime deadline) {
  const bool begins_group =
      arrivals_.empty() || arrivals_.back().group.batch.bytes() >= limits_.max_batch_bytes;
  const bool has_deadline = done && deadline != SteadyTime::max();
  if (has_deadline) deadlines_.reserve_one();
  if (begins_group) arrivals_.push_back({std::exchange(spare_, {}), next_number_});
  Group& group = arrivals_.back().group;
  const std::size_t before = group.memory_bytes();
  try {
    group.add(events, 0, events.size(), on_failure, std::move(done));
  } catch (...) {
    if (begins_group) arrivals_.pop_back();
    throw;
  }
  arrived_bytes_ += group.memory_bytes() - before;
  arrived_events_ += events.size();
  if (has_deadline) deadlines_.push({deadline, next_number_});
  ++next_number_;
  return begins_group;
}

const Batch& SubmissionQueue::begin_write(bool is_retry_due) {
  const bool is_new_in_turn = has_new() && is_retry_;
  is_retry_ = is_retry_due && !is_new_in_turn;
  if (is_retry_) {
    writing_ = backlog_.take();
  } else {
    writing_ = std::move(arrivals_.front().group);
    writing_first_number_ = arrivals_.front().first_number;
    arrivals_.pop_front();
    arrived_bytes_ -= writing_.memory_bytes();
    arrived_events_ -= writing_.batch.size();
  }
  return writing_.batch;
}

Group SubmissionQueue::write_succeeded() {
  if (is_retry_) backlog_.retry_succeeded(writing_);
  return end_write();
}

Group SubmissionQueue::write_failed() {
  if (is_retry_) {
    backlog_.retry_failed(std::exchange(writing_, {}));
  } else {
    backlog_.keep(writing_);
  }
  return end_write();
}

Group SubmissionQueue::end_write() {
  Group group = std::exchange(writing_, {});
  forget_old_deadlines();
  return group;
}

void SubmissionQueue::forget_old_deadlines() {
  while (!deadlines_.empty() && deadlines_.top().number < oldest_number()) deadlines_.pop();
}

std::vector<Group> SubmissionQueue::turn_away_new() {
  std::vector<Group> turned_away;
  for (Arrivals& arrivals : arrivals_) {
    backlog_.keep_untried(arrivals.group);
    if (!arrivals.group.submissions.empty()) turned_away.push_back(std::move(arrivals.group));
  }
  arrivals_.clear();
  arrived_events_ = arrived_bytes_ = 0;
  forget_old_deadlines();
  return turned_away;
}

void SubmissionQueue::recycle(Group group) {
  if (spare_.submissions.capacity() > 0) return;
  constexpr std::size_t kept_submissions = 1'024;  // an outage takes far more at once
  group.submissions.clear();
  if (group.submissions.capacity() > kept_submissions) return;
  group.batch.clear();
  spare_ = std::move(group);
}

// Of those that are numbered and here.
std::uint64_t SubmissionQueue::oldest_number() const {
  if (!is_retry_ && !writing_.submissions.empty()) return writing_first_number_;
  return arrivals_.empty() ? next_number_ : arrivals_.front().first_number;
}

Submission* SubmissionQueue::find(std::uint64_t number) {
  if (number < oldest_number()) return nullptr;
  Group* group = &writing_;
  std::uint64_t first = writing_first_number_;
  if (!arrivals_.empty() && number >= arrivals_.front().first_number) {
    const auto after = std::upper_bound(
        arrivals_.begin(), arrivals_.end(), number,
        [](std::uint64_t wanted, const Arrivals& one) { return wanted < one.first_number; });
    group = &std::prev(after)->group;
    first = std::prev(after)->first_number;
  }
  const std::uint64_t place = number - first;
  return place < group->submissions.size() ? &group->submissions[place] : nullptr;
}

std::vector<Done> SubmissionQueue::take_overdue(SteadyTime now) {
  std::vector<Done> overdue;
  while (next_deadline() <= now) {
    Submission* submission = find(deadlines_.top().number);
    deadlines_.pop();
    if (submission == nullptr || !submission->done) continue;
    overdue.push_back(std::exchange(submission->done, {}));
  }
  return overdue;
}

SteadyTime SubmissionQueue::next_deadline() const {
  return deadlines_.empty() ? SteadyTime::max() : deadlines_.top().time;
}

std::vector<Group> SubmissionQueue::take_waiting() {
  std::vector<Group> waiting = backlog_.take_all();
  for (Arrivals& arrivals : arrivals_) waiting.push_back(std::move(arrivals.group));
  arrivals_.clear();
  arrived_events_ = arrived_bytes_ = 0;
  return waiting;
}

Group SubmissionQueue::take_writing() {
  Group group;
  group.batch.append(writing_.batch);
  group.submissions = std::exchange(writing_.submissions, {});
  return group;
}

}  // namespace eventcollect::collect
