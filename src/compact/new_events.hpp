// The events of a plan that no earlier plan of the hour has put out.
#pragma once

#include <memory>
#include <stop_token>

#include "compact/left_out.hpp"
#include "compact/sorted_events.hpp"
#include "eventcollect/compact.hpp"
#include "eventcollect/object_store.hpp"
#include "objects/plan.hpp"

namespace eventcollect::compaction {

// Those of `events` under ids that no output of the plans before `plan` has; the others are added
// to `left_out`. All but `events` have to outlive the result. Throws Error and Stopped, as the
// result does.
std::unique_ptr<SortedEvents> without_earlier(std::unique_ptr<SortedEvents> events,
                                              ObjectStore& store, const objects::Plan& plan,
                                              const CompactOptions& options,
                                              const std::stop_token& stop, LeftOut& left_out);

}  // namespace eventcollect::compaction
