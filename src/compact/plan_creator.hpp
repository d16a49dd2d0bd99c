// Creates plans, each number of an hour once.
#pragma once

#include "eventcollect/compact.hpp"
#include "objects/plan.hpp"

namespace eventcollect::compaction {

// The store has no conditional create: no hour can be compacted.
class CannotCreate final : public Error {
 public:
  using Error::Error;
};

// One thread at a time.
class PlanCreator {
 public:
  // Both have to outlive it.
  PlanCreator(ObjectStore& store, const CompactOptions& options)
      : store_{store}, options_{options} {}

  // False where there is a plan of this number. Throws CannotCreate where the store does not keep
  // two compactors apart (which is tried, once) and there may be two; Error.
  bool create(const objects::Plan& plan);

 private:
  bool try_create();

  ObjectStore& store_;
  const CompactOptions& options_;
  bool is_tried_ = false;
  bool can_create_ = false;
};

}  // namespace eventcollect::compaction
