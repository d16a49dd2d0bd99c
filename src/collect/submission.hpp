// What a committer is handed, and what becomes of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
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

  // About what it takes in memory. What two groups take is what they take as one.
  std::size_t memory_bytes() const {
    return batch.memory_bytes() + submissions.size() * sizeof(Submission);
  }

  // Adds a submission of `count` events of `from`. Changes nothing where it throws.
  void add(const Batch& from, std::size_t first, std::size_t count, OnFailure on_failure,
           Done done) {
    submissions.push_back({batch.size(), count, on_failure, std::move(done)});
    try {
      batch.append(from, first, count);
    } catch (...) {
      submissions.pop_back();
      throw;
    }
  }
};

}  // namespace eventcollect::collect
