// What a plan leaves out, since the hour has an event under the same id.
#pragma once

#include <cstdint>
#include <string_view>

#include "compact/letters.hpp"
#include "compact/same_event.hpp"
#include "compact/sorted_events.hpp"

namespace eventcollect::compaction {

// One thread at a time.
class LeftOut {
 public:
  // `letters` has to outlive it.
  explicit LeftOut(Letters& letters) : letters_{letters} {}

  // Counts `event` as a duplicate of `kept_line`, or as a conflict with it, which becomes a dead
  // letter. Throws Error.
  void add(const SortedEvent& event, std::string_view kept_line);

  std::uint64_t duplicates() const { return duplicates_; }
  std::uint64_t conflicts() const { return conflicts_; }

 private:
  Letters& letters_;
  EventComparison comparison_;
  std::uint64_t duplicates_ = 0;
  std::uint64_t conflicts_ = 0;
};

}  // namespace eventcollect::compaction
