#include "load/plan_lookup.hpp"

#include <algorithm>

#include "objects/plan.hpp"

namespace eventcollect::loading {

using objects::Plan;
using objects::plan_key_of_output;
using objects::read_plan;

namespace {

// A plan under the same name can be another one where two compactors worked without create().
bool is_output(const Plan& plan, std::string_view hourly_key) {
  const std::string first = plan.output_key(0);
  const std::size_t prefix = first.rfind('-') + 1;
  return hourly_key.substr(0, prefix) == std::string_view{first}.substr(0, prefix);
}

std::optional<Plan> readable_plan(ObjectStore& store, std::string_view key) {
  try {
    return read_plan(store, key);
  } catch (const Error& error) {
    if (error.kind() == Error::misconfigured) return {};
    throw;
  }
}

}  // namespace

bool PlanLookup::has_raws(std::string_view hourly_key, std::string_view selection) {
  const auto plan_key = plan_key_of_output(hourly_key);
  if (!plan_key) return false;
  const std::string_view plan_and_id = hourly_key.substr(0, hourly_key.rfind('-'));
  if (plan_ != plan_and_id) {
    has_raws_ = ask(hourly_key, *plan_key, selection);
    plan_ = plan_and_id;
  }
  return has_raws_;
}

bool PlanLookup::ask(std::string_view hourly_key, const std::string& plan_key,
                     std::string_view selection) {
  const auto plan = readable_plan(store_, plan_key);
  if (!plan || plan->raws.empty() || !is_output(*plan, hourly_key)) return false;
  const std::vector<bool> loaded = ledger_.loaded(plan->raws, selection);
  return std::all_of(loaded.begin(), loaded.end(), [](bool one) { return one; });
}

}  // namespace eventcollect::loading
