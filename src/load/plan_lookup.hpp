// Whether what went into an hourly object was loaded before.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/ledger.hpp"
#include "eventcollect/object_store.hpp"

namespace eventcollect::loading {

// Remembers the last plan, since the outputs of one are asked about in turn. One thread at a time.
class PlanLookup {
 public:
  // Both have to outlive it.
  PlanLookup(ObjectStore& store, LedgerSink& ledger) : store_{store}, ledger_{ledger} {}

  // Whether the ledger has every raw object of the plan that made `hourly_key`. False where no plan
  // can be read. Throws Error.
  bool has_raws(std::string_view hourly_key, std::string_view selection);

 private:
  bool ask(std::string_view hourly_key, const std::string& plan_key, std::string_view selection);

  ObjectStore& store_;
  LedgerSink& ledger_;
  std::string plan_;
  bool has_raws_ = false;
};

}  // namespace eventcollect::loading
