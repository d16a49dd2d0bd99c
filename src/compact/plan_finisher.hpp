// Finishes a plan: reads what it takes in, and puts what comes out.
//
// Several compactors may do so at once, and one of them may be so slow that the plan is done and
// its raw objects are removed in the middle of its work, or that later plans are. That is harmless
// since what is put depends on nothing but the plan, its raw objects, and the outputs of the plans
// before it, none of which changes; and since nothing is put before every raw object was read.
// So whatever a slow one puts late is what is there already.
#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "compact/left_out.hpp"
#include "compact/letters.hpp"
#include "compact/sorted_events.hpp"
#include "eventcollect/compact.hpp"
#include "objects/plan.hpp"

namespace eventcollect::compaction {

// For one plan, once. One thread at a time.
class PlanFinisher {
 public:
  // All have to outlive it. `plan` is open, and every plan of the hour before it is done.
  PlanFinisher(ObjectStore& store, const CompactOptions& options, const std::stop_token& stop,
               objects::Plan plan);

  // Returns the plan as it is done; its raw objects are still there. Nothing where another
  // compactor has finished it meanwhile. Throws Error and Stopped: then it is to be begun again.
  std::optional<objects::Plan> run();

 private:
  std::vector<objects::PlanOutput> write_outputs(SortedEvents& events);

  ObjectStore& store_;
  const CompactOptions& options_;
  const std::stop_token& stop_;
  objects::Plan plan_;
  Letters letters_;
  LeftOut left_out_{letters_};
};

}  // namespace eventcollect::compaction
