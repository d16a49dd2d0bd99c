#include "collect/backlog.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace eventcollect::collect {
namespace {

// Copies the events of `submission`, and moves its answer. Returns the bytes that `to` grew by.
// Changes nothing where it throws.
std::size_t move_submission(const Batch& from, Submission& submission, Group& to) {
  const std::size_t before = to.memory_bytes();
  to.add(from, submission.first, submission.count, submission.on_failure,
         std::move(submission.done));
  return to.memory_bytes() - before;
}

}  // namespace

void Backlog::keep(Groups& group) {
  const bool was_empty = empty();
  const std::size_t kept = move_kept(group);
  if (kept == 0) return;
  const std::size_t half = (kept + 1) / 2;
  retry_count_ = was_empty ? half : std::min(retry_count_, half);
}

// How many were moved.
std::size_t Backlog::move_kept(Groups& group) {
  const Batch& batch = group.front().batch;
  auto& submissions = group.front().submissions;
  const std::size_t events_before = events_;
  const std::size_t bytes_before = bytes_;
  const auto is_unkept = [](const Submission& one) { return !is_kept(one.on_failure); };
  const auto first = std::stable_partition(submissions.begin(), submissions.end(), is_unkept);
  auto next = first;
  try {
    for (; next != submissions.end(); ++next) append(batch, *next);
  } catch (const std::bad_alloc&) {
    if (first == submissions.begin()) {
      group.front().taken = static_cast<std::size_t>(next - first);
      events_ = events_before + batch.size();
      bytes_ = bytes_before + group.front().memory_bytes();
      parts_.splice(parts_.end(), group);
      return submissions.size();
    }
  }
  const auto moved = static_cast<std::size_t>(next - first);
  submissions.erase(first, next);
  return moved;
}

// Adds one at the end. A part of which some are taken does not grow, so that its memory goes once
// the others are taken. Changes nothing where it throws.
void Backlog::append(const Batch& from, Submission& submission) {
  Groups begun;
  const bool begins_part =
      parts_.empty() || parts_.back().taken > 0 || parts_.back().batch.bytes() >= max_batch_bytes_;
  if (begins_part) begun.emplace_back();
  const std::size_t bytes =
      move_submission(from, submission, begins_part ? begun.front() : parts_.back());
  parts_.splice(parts_.end(), begun);
  events_ += submission.count;
  bytes_ += bytes;
  copied_bytes_ += bytes;
}

Groups Backlog::take() {
  const std::size_t count = next_count();
  Groups taken;
  const Group& front = parts_.front();
  if (front.taken == 0 && front.submissions.size() <= count) {
    taken.splice(taken.end(), parts_, parts_.begin());
  } else {
    taken.emplace_back();
  }
  Group& group = taken.front();
  const std::size_t moved_whole_bytes = group.memory_bytes();
  try {
    while (!parts_.empty() && group.submissions.size() < count &&
           group.batch.bytes() < max_batch_bytes_) {
      move_first(group);
    }
  } catch (const std::bad_alloc&) {
    if (group.submissions.empty()) throw;
  }
  events_ -= group.batch.size();
  bytes_ -= group.memory_bytes();
  copied_bytes_ += group.memory_bytes() - moved_whole_bytes;
  return taken;
}

void Backlog::move_first(Group& to) {
  Group& front = parts_.front();
  move_submission(front.batch, front.submissions[front.taken], to);
  ++front.taken;
  if (front.taken == front.submissions.size()) parts_.pop_front();
}

void Backlog::retry_succeeded(const Group& group) {
  const std::size_t count = group.submissions.size();
  suspects_ -= std::min(suspects_, count);
  retry_count_ = 2 * count;
}

void Backlog::retry_failed(Groups& group) {
  const std::size_t count = group.front().submissions.size();
  if (count == 1) {
    move_kept(group);
    suspects_ = 0;
    retry_count_ = 1;
    return;
  }
  suspects_ = count;
  events_ += group.front().batch.size();
  bytes_ += group.front().memory_bytes();
  parts_.splice(parts_.begin(), group);
}

Groups Backlog::take_all() {
  for (Group& part : parts_) {
    auto& submissions = part.submissions;
    submissions.erase(submissions.begin(),
                      submissions.begin() + static_cast<std::ptrdiff_t>(part.taken));
    part.taken = 0;
  }
  Groups all;
  all.swap(parts_);
  events_ = bytes_ = suspects_ = 0;
  return all;
}

}  // namespace eventcollect::collect
