// What a committer is handed, and what becomes of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <utility>
#include <vector>

#include "eventcollect/batch.hpp"
#include "eventcollect/error.hpp"
#include "eventcollect/rejection.hpp"

namespace eventcollect::collect {

using SteadyTime = std::chrono::steady_clock::time_point;

// What became of a submission. Lives as long as the call that it is passed to.
struct Outcome {
  const Error* failure = nullptr;           // null where the sink has stored it
  std::span<const Rejection> rejections{};  // by the sink: sorted by their index in the submission
};

using Done = std::function<void(const Outcome&)>;

// How a submission fares when the sink fails.
enum class OnFailure : std::uint8_t {
  report,           // the sender is told, and may send it again
  keep,             // it stays in the queue until it is stored or given up
  keep_unreported,  // likewise, but its loss is not reported: on_lost itself tracked it
  drop,             // it is only counted
};

constexpr bool is_kept(OnFailure on_failure) {
  return on_failure == OnFailure::keep || on_failure == OnFailure::keep_unreported;
}

// Some events of a group that were submitted together and have one answer.
struct Submission {
  std::size_t first;  // of the group's events
  std::size_t count;
  OnFailure on_failure;
  Done done;  // empty where no sender waits, or once it was called
};

// Submissions that are written together, in the order of their events.
struct Group {
  Batch batch;
  std::vector<Submission> submissions;
  std::uint64_t first_number = 0;  // of the first submission, among all that arrived
  std::size_t taken = 0;           // so many of the first submissions are in other groups by now

  // About what it takes in memory. What two groups take is what they take as one.
  std::size_t memory_bytes() const {
    return batch.memory_bytes() + submissions.size() * sizeof(Submission);
  }

  // Adds a submission of `count` events of `from`, and moves `done`. Changes nothing where it
  // throws.
  void add(const Batch& from, std::size_t first, std::size_t count, OnFailure on_failure,
           Done&& done) {
    if (submissions.size() == submissions.capacity()) {
      submissions.reserve(2 * submissions.size() + 1);
    }
    const std::size_t begin = batch.size();
    batch.append(from, first, count);
    submissions.push_back({begin, count, on_failure, std::move(done)});
  }

  // Empties it and keeps memory for reuse.
  void clear() {
    batch.clear();
    submissions.clear();
    taken = 0;
  }
};

// A list, so that a group goes from one place to another without memory: what becomes of it when
// the sink fails must not depend on that.
using Groups = std::list<Group>;

}  // namespace eventcollect::collect
