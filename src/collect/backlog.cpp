#include "collect/backlog.hpp"

#include <algorithm>
#include <utility>

namespace eventcollect::collect {
namespace {

bool is_submission_kept(const Submission& submission) { return is_kept(submission.on_failure); }

// Copies the events of `submission`, and moves its answer. Returns the bytes that `to` grew by.
// Changes nothing where it throws.
std::size_t move_submission(const Batch& from, Submission& submission, Group& to) {
  const std::size_t before = to.memory_bytes();
  to.add(from, submission.first, submission.count, submission.on_failure,
         std::move(submission.done));
  return to.memory_bytes() - before;
}

}  // namespace

void Backlog::keep(Group& group) {
  const bool was_empty = empty();
  const std::size_t kept = move_kept(group);
  if (kept == 0) return;
  const std::size_t half = (kept + 1) / 2;
  retry_count_ = was_empty ? half : std::min(retry_count_, half);
}

// How many were moved.
std::size_t Backlog::move_kept(Group& group) {
  for (Submission& submission : group.submissions) {
    if (is_kept(submission.on_failure)) append(group.batch, std::move(submission));
  }
  return std::erase_if(group.submissions, is_submission_kept);
}

// Adds one at the end. A part of which some are taken does not grow, so that its memory goes once
// the others are taken.
void Backlog::append(const Batch& from, Submission submission) {
  const bool begins_part = parts_.empty() || parts_.back().taken > 0 ||
                           parts_.back().group.batch.bytes() >= max_batch_bytes_;
  if (begins_part) parts_.emplace_back();
  std::size_t bytes = 0;
  try {
    bytes = move_submission(from, submission, parts_.back().group);
  } catch (...) {
    if (begins_part) parts_.pop_back();
    throw;
  }
  events_ += submission.count;
  bytes_ += bytes;
  copied_bytes_ += bytes;
}

Group Backlog::take() {
  const std::size_t count = next_count();
  Group taken;
  const Part& front = parts_.front();
  if (front.taken == 0 && front.group.submissions.size() <= count) {
    taken = std::move(parts_.front().group);
    parts_.pop_front();
  }
  const std::size_t moved_whole_bytes = taken.memory_bytes();
  while (!parts_.empty() && taken.submissions.size() < count &&
         taken.batch.bytes() < max_batch_bytes_) {
    move_first(taken);
  }
  events_ -= taken.batch.size();
  bytes_ -= taken.memory_bytes();
  copied_bytes_ += taken.memory_bytes() - moved_whole_bytes;
  return taken;
}

void Backlog::move_first(Group& to) {
  Part& front = parts_.front();
  move_submission(front.group.batch, front.group.submissions[front.taken], to);
  ++front.taken;
  if (front.taken == front.group.submissions.size()) parts_.pop_front();
}

void Backlog::retry_succeeded(const Group& group) {
  const std::size_t count = group.submissions.size();
  suspects_ -= std::min(suspects_, count);
  retry_count_ = 2 * count;
}

void Backlog::retry_failed(Group group) {
  if (group.submissions.size() == 1) {
    append(group.batch, std::move(group.submissions.front()));
    suspects_ = 0;
    retry_count_ = 1;
    return;
  }
  suspects_ = group.submissions.size();
  events_ += group.batch.size();
  bytes_ += group.memory_bytes();
  parts_.push_front({std::move(group)});
}

std::vector<Group> Backlog::take_all() {
  std::vector<Group> all;
  for (Part& part : parts_) {
    auto& submissions = part.group.submissions;
    submissions.erase(submissions.begin(),
                      submissions.begin() + static_cast<std::ptrdiff_t>(part.taken));
    all.push_back(std::move(part.group));
  }
  parts_.clear();
  events_ = bytes_ = suspects_ = 0;
  return all;
}

}  // namespace eventcollect::collect
