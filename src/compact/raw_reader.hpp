// Reads what a plan takes in.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "compact/event_sorter.hpp"
#include "compact/letters.hpp"
#include "compact/sorted_events.hpp"
#include "eventcollect/compact.hpp"
#include "objects/event_object.hpp"
#include "objects/plan.hpp"

namespace eventcollect::compaction {

// Reads the raw objects of a plan in several threads, and sorts their events. Once. One thread at a
// time.
class RawReader {
 public:
  // All have to outlive it. What is no event of the hour goes to `letters`.
  RawReader(ObjectStore& store, const CompactOptions& options, const std::stop_token& stop,
            const objects::Plan& plan, Letters& letters)
      : store_{store}, options_{options}, stop_{stop}, plan_{plan}, letters_{letters} {}

  // All events, for as long as the reader lives; null where another compactor has finished the plan
  // meanwhile. Throws Error and Stopped.
  std::unique_ptr<SortedEvents> read();

  std::uint64_t unreadable() const { return unreadable_; }
  std::uint64_t damaged_objects() const { return damaged_objects_; }
  std::uint64_t missing_objects() const { return missing_objects_; }

 private:
  void read_some(EventSorter& sorter);
  void read_raw(const std::string& key, EventSorter& sorter);
  void read_events(objects::EventObject& object, const std::string& key, EventSorter& sorter);
  void keep_damaged(const std::string& key, const std::string& damage);
  void note_missing(const std::string& key);
  bool is_finished_elsewhere();
  void read_own_outputs();

  ObjectStore& store_;
  const CompactOptions& options_;
  const std::stop_token& stop_;
  const objects::Plan& plan_;
  Letters& letters_;
  std::vector<EventSorter> sorters_;  // one for each thread

  // Of the threads that read.
  std::atomic<std::size_t> next_raw_{0};
  std::atomic<bool> ends_early_{false};
  std::atomic<bool> finished_elsewhere_{false};
  std::atomic<std::uint64_t> unreadable_{0};
  std::atomic<std::uint64_t> damaged_objects_{0};
  std::atomic<std::uint64_t> missing_objects_{0};
};

}  // namespace eventcollect::compaction
