// One hour: from its raw objects to plans, and from plans to hourly objects.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "compact/plan_creator.hpp"
#include "eventcollect/compact.hpp"
#include "objects/layout.hpp"
#include "objects/plan.hpp"

namespace eventcollect::compaction {

// One thread at a time.
class HourCompactor {
 public:
  using OnPlan = std::function<void(const CompactedHour&)>;

  // All have to outlive it.
  HourCompactor(ObjectStore& store, const CompactOptions& options, const std::stop_token& stop,
                PlanCreator& creator, objects::Hour hour, const OnPlan& on_plan)
      : store_{store},
        options_{options},
        stop_{stop},
        creator_{creator},
        hour_{hour},
        on_plan_{on_plan} {}

  // Does what there is to do for the hour. Throws Error and Stopped.
  void run();

 private:
  // Raw objects that no plan has taken, as far as they were listed.
  struct Raws {
    std::vector<std::string> keys;  // sorted
    TimePoint newest;
    bool are_all = true;
  };

  bool step();
  Raws list_raws();
  void remove_taken(Raws& raws, const std::vector<std::string>& taken);
  bool is_due(const Raws& raws) const;
  void finish(objects::Plan plan);
  void remove(const std::vector<std::string>& keys);

  ObjectStore& store_;
  const CompactOptions& options_;
  const std::stop_token& stop_;
  PlanCreator& creator_;
  const objects::Hour hour_;
  const OnPlan& on_plan_;
};

}  // namespace eventcollect::compaction
