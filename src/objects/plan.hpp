// What one compaction of an hour takes in and puts out: plans/dt=2026-11-23/hour=18/0001.json
//
//   {"plan":1,"id":"0193…","state":"open","created":1763923000123,"target_bytes":1073741824,
//    "raws":["raw/dt=2026-11-23/hour=18/….json.gz",…]}
//
// A plan is created open, once and for all, and becomes done when all of its outputs are there:
//
//    …"state":"done",…,"outputs":[{"key":"hourly/…","events":1000,"bytes":250000},…],
//    "events":1000,"duplicates":0,"conflicts":0,"unreadable":0,"damaged_objects":0,
//    "missing_objects":0}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/clock.hpp"
#include "eventcollect/object_store.hpp"
#include "objects/layout.hpp"

namespace eventcollect::objects {

struct PlanOutput {
  std::string key;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;  // of lines, before gzip
};

// A value type.
struct Plan {
  Hour hour;
  std::uint32_t number = 1;  // from 1 on, within the hour
  std::string id{};          // a UUID, part of the outputs' names
  bool done = false;
  TimePoint created{};
  std::uint64_t target_bytes = 0;   // of lines in an output
  std::vector<std::string> raws{};  // whole keys, sorted

  // These are known once the plan is done.
  std::vector<PlanOutput> outputs{};  // together sorted by event_id
  std::uint64_t events = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t unreadable = 0;
  std::uint64_t damaged_objects = 0;
  std::uint64_t missing_objects = 0;

  // "plans/dt=2026-11-23/hour=18/0001.json"
  std::string key() const;

  // "hourly/dt=2026-11-23/hour=18/0001-0193…-000.json.gz" for index 0
  std::string output_key(std::size_t index) const;

  // "quarantine/dt=2026-11-23/hour=18/0001-0193….letters.json.gz"
  std::string letters_key() const;

  std::string to_json() const;
};

// The number of the plan that `key` is of; nothing if it is no plan's.
std::optional<std::uint32_t> plan_number(std::string_view key);

// The key of the plan that put the object out that `key` is of; nothing if no plan can have.
std::optional<std::string> plan_key_of_output(std::string_view key);

// Reads the text of the plan that lies under `key`. Throws Error (misconfigured) where it is
// malformed, which an operator has to mend.
Plan parse_plan(std::string_view key, std::string_view text);

// Nothing where there is no such object. Throws Error, as parse_plan() too.
std::optional<Plan> read_plan(ObjectStore& store, std::string_view key);

// The keys of an hour's plans, in the order of their numbers. Throws Error.
std::vector<std::string> list_plans(ObjectStore& store, const Hour& hour);

}  // namespace eventcollect::objects
