#include "compact/plan_creator.hpp"

#include <fmt/format.h>

#include <string>

#include "eventcollect/uuid.hpp"

namespace eventcollect::compaction {

using objects::Plan;
using objects::plans_folder;

namespace {

// A store says of an unknown header nothing, or that it is not implemented. A wrong secret, say,
// fails a plain put as well.
bool creates_twice(ObjectStore& store, const std::string& key, std::string& why) {
  try {
    // Each content is unique, so that a store can tell whose try succeeded.
    if (!store.create(key, key + " 1")) return false;
    return store.create(key, key + " 2");
  } catch (const Error& error) {
    if (error.kind() != Error::misconfigured) throw;
    why = error.what();
  }
  store.put(key, key);
  return true;
}

}  // namespace

bool PlanCreator::create(const Plan& plan) {
  if (!is_tried_) can_create_ = try_create();
  is_tried_ = true;
  if (can_create_) return store_.create(plan.key(), plan.to_json());
  // There is one compactor: see CompactOptions::only_compactor.
  if (store_.get(plan.key()) != nullptr) return false;
  store_.put(plan.key(), plan.to_json());
  return true;
}

bool PlanCreator::try_create() {
  // A name that no plan has, so one that a crash leaves is nothing to anybody.
  const std::string key =
      fmt::format("{}probe-{}", plans_folder, mint_uuid(options_.clock->now()).to_string());
  std::string why;
  const bool twice = creates_twice(store_, key, why);
  store_.remove(key);
  if (!twice || options_.only_compactor) return !twice;
  throw CannotCreate{
      Error::misconfigured,
      fmt::format("the store cannot create an object only where there is none{}{}: two compactors "
                  "would do harm. If there is never more than one, say --only-compactor",
                  why.empty() ? "" : ", ", why)};
}

}  // namespace eventcollect::compaction
