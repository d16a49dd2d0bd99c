// Which objects there are to load.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/clock.hpp"
#include "eventcollect/ledger.hpp"
#include "eventcollect/object_store.hpp"

namespace eventcollect::loading {

struct ListedObject {
  std::string key;
  std::uint64_t bytes = 0;  // compressed
};

struct ObjectList {
  std::deque<ListedObject> missing;  // in the ledger: raw objects, then hourly ones
  std::uint64_t loaded = 0;          // objects that are there
};

// Whole hours from `since` on and before `until`.
struct HourRange {
  std::optional<TimePoint> since;
  std::optional<TimePoint> until;
};

// Lists the objects of the hours in `range` that the ledger does not have. An object that is
// compacted meanwhile is in the list, or what it became is. Throws Error.
ObjectList list_missing(ObjectStore& store, LedgerSink& ledger, std::string_view selection,
                        const HourRange& range);

}  // namespace eventcollect::loading
