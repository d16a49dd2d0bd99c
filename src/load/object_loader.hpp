// Loads one object, so that it is in the ledger or leaves no trace.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "eventcollect/ledger.hpp"
#include "eventcollect/load.hpp"
#include "eventcollect/object_store.hpp"
#include "load/load_retry.hpp"
#include "load/object_copier.hpp"
#include "load/object_list.hpp"
#include "load/plan_lookup.hpp"
#include "load/selection.hpp"

namespace eventcollect::loading {

// One thread at a time.
class ObjectLoader {
 public:
  enum class Outcome : std::uint8_t {
    loaded,
    skipped,  // the ledger has it already, or what it was made of
    busy,     // another program is loading it
    gone,     // it is not there any more
    stopped,
  };

  // All have to outlive it.
  ObjectLoader(ObjectStore& store, LedgerSink& ledger, const Selection& selection,
               ObjectCopier& copier, LoadRetry& retry, LoadState& state)
      : ledger_{ledger},
        selection_{selection},
        copier_{copier},
        retry_{retry},
        state_{state},
        plans_{store, ledger} {}

  // Tries until it is settled what becomes of the object. Throws Error.
  Outcome load(const ListedObject& object);

 private:
  // What is so if the last commit worked.
  struct InDoubt {
    Outcome outcome;
    LoadState state;
  };

  class Attempt;

  Outcome try_to_load(const ListedObject& object);
  LoadStart begin(const ListedObject& object);
  Outcome copy(const ListedObject& object);
  void commit(Outcome outcome);

  LedgerSink& ledger_;
  const Selection& selection_;
  ObjectCopier& copier_;
  LoadRetry& retry_;
  LoadState& state_;
  PlanLookup plans_;
  std::set<std::string> gone_;
  std::optional<InDoubt> in_doubt_;
};

}  // namespace eventcollect::loading
