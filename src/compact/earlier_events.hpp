// The events that an hour has already: the outputs of a plan that is done.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compact/sorted_events.hpp"
#include "eventcollect/object_store.hpp"
#include "eventcollect/source.hpp"
#include "objects/event_object.hpp"
#include "objects/plan.hpp"

namespace eventcollect::compaction {

class EarlierEvents final : public SortedEvents {
 public:
  // `store` has to outlive it. An output that is not there any more counts as empty: to
  // remove what is old must not block the hour for ever.
  EarlierEvents(ObjectStore& store, std::vector<objects::PlanOutput> outputs);

  // Throws Error, also where an output is damaged or not in order: to go on without what it
  // holds would let events in twice.
  bool next(SortedEvent& out) override;

 private:
  bool read_some();
  void check_order(const SortedEvent& event);

  ObjectStore& store_;
  std::vector<objects::PlanOutput> outputs_;
  std::size_t next_output_ = 0;
  std::unique_ptr<objects::EventObject> object_;
  Delivery delivery_;
  std::size_t next_event_ = 0;  // of the delivery
  SortedEvent last_;
  bool has_last_ = false;
};

}  // namespace eventcollect::compaction
