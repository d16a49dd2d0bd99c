// Finishes a plan: reads what it takes in, and puts what comes out.
//
// Several compactors may do so at once, and one of them may be so slow that the plan is done and
// its raw objects are removed in the middle of its work, or that later plans are. That is harmless
// since what is put depends on nothing but the plan, its raw objects, and the outputs of the plans
// before it, none of which changes; and since nothing is put before every raw object was read.
// So whatever a slow one puts late is what is there already.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "compact/event_sorter.hpp"
#include "compact/letters.hpp"
#include "compact/same_event.hpp"
#include "compact/sorted_events.hpp"
#include "eventcollect/compact.hpp"
#include "objects/event_object.hpp"
#include "objects/plan.hpp"

namespace eventcollect {

// compact() was told to stop. No error, so no std::exception.
struct Stopped {};

// For one plan, once. One thread at a time.
class PlanFinisher {
 public:
  // All have to outlive it. `plan` is open, and every plan of the hour before it is done.
  PlanFinisher(ObjectStore& store, const CompactOptions& options, const std::stop_token& stop,
               Plan plan);

  // Returns the plan as it is done; its raw objects are still there. Nothing where another
  // compactor has finished it meanwhile. Throws Error and Stopped: then it is to be begun
  // again.
  std::optional<Plan> run();

 private:
  void read_raws();
  void read_some(EventSorter& sorter);
  void read_raw(const std::string& key, EventSorter& sorter);
  void read_events(EventObject& object, const std::string& key, EventSorter& sorter);
  void keep_damaged(const std::string& key, const std::string& damage);
  void note_missing(const std::string& key);
  bool is_finished_elsewhere();
  void read_own_outputs();
  std::vector<std::vector<PlanOutput>> earlier_outputs() const;
  std::unique_ptr<SortedEvents> without_earlier(std::unique_ptr<SortedEvents> events);
  std::vector<PlanOutput> write_outputs(SortedEvents& events);
  void leave_out(const SortedEvent& event, std::string_view kept_line);
  void check_stop() const;

  class Remainder;

  ObjectStore& store_;
  const CompactOptions& options_;
  const std::stop_token& stop_;
  Plan plan_;
  Letters letters_;
  std::vector<EventSorter> sorters_;  // one for each thread
  EventComparison comparison_;

  // Of the threads that read.
  std::atomic<std::size_t> next_raw_{0};
  std::atomic<bool> ends_early_{false};
  std::atomic<bool> finished_elsewhere_{false};
  std::atomic<std::uint64_t> unreadable_{0};
  std::atomic<std::uint64_t> damaged_objects_{0};
  std::atomic<std::uint64_t> missing_objects_{0};
};

}  // namespace eventcollect
