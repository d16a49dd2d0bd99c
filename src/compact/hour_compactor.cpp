#include "compact/hour_compactor.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <optional>
#include <utility>

#include "compact/parallel.hpp"
#include "compact/plan_finisher.hpp"

namespace eventcollect::compaction {

using objects::list_plans;
using objects::Plan;
using objects::raw_folder;
using objects::read_plan;

namespace {

// So many go into one plan at most, so that a plan and a list of keys fit into memory.
constexpr std::size_t max_raws = 100'000;

}  // namespace

void HourCompactor::run() {
  while (step()) {
  }
}

// Whether there may be more to do.
bool HourCompactor::step() {
  Raws raws = list_raws();
  if (raws.keys.empty()) return false;
  std::uint32_t last = 0;
  for (const std::string& key : list_plans(store_, hour_)) {
    auto plan = read_plan(store_, key);
    if (!plan) continue;
    // Outputs of a plan that a power cut takes back would be there twice, and raw objects that are
    // removed for one that it opens again would be lost.
    store_.sync(key);
    last = plan->number;
    if (!plan->done) {
      finish(std::move(*plan));
      return true;
    }
    remove_taken(raws, plan->raws);
  }
  if (raws.keys.empty()) return !raws.are_all;
  if (!is_due(raws)) return false;
  Plan plan{.hour = hour_,
            .number = last + 1,
            .id = mint_uuid(options_.clock->now()).to_string(),
            .created = options_.clock->now(),
            .target_bytes = options_.target_bytes,
            .raws = std::move(raws.keys)};
  // Only the first to make this number succeeds: so no plan has come since they were read, and what
  // this one takes in is in no other.
  if (creator_.create(plan)) finish(std::move(plan));
  return true;
}

HourCompactor::Raws HourCompactor::list_raws() {
  Raws raws;
  store_.list(std::string{raw_folder} + hour_.partition(), "", [&](const ObjectInfo& object) {
    raws.newest = std::max(raws.newest, object.modified);
    raws.are_all = raws.keys.size() < max_raws;
    if (raws.are_all) raws.keys.push_back(object.key);
    return true;
  });
  return raws;
}

// Takes off `raws` what a plan that is done has taken. A crash has left them, or another compactor
// is about to remove them.
void HourCompactor::remove_taken(Raws& raws, const std::vector<std::string>& taken) {
  std::vector<std::string> leftover;
  std::set_intersection(raws.keys.begin(), raws.keys.end(), taken.begin(), taken.end(),
                        std::back_inserter(leftover));
  if (leftover.empty()) return;
  std::vector<std::string> rest;
  rest.reserve(raws.keys.size() - leftover.size());
  std::set_difference(raws.keys.begin(), raws.keys.end(), leftover.begin(), leftover.end(),
                      std::back_inserter(rest));
  raws.keys = std::move(rest);
  remove(leftover);
}

bool HourCompactor::is_due(const Raws& raws) const {
  const TimePoint now = options_.clock->now();
  return hour_.end() + options_.grace <= now && raws.newest + options_.grace <= now;
}

void HourCompactor::finish(Plan plan) {
  CompactedHour report{.hour = hour_.begin(), .raw_objects = plan.raws.size()};
  const auto done = PlanFinisher{store_, options_, stop_, std::move(plan)}.run();
  if (!done) {
    report.finished_elsewhere = true;
    on_plan_(report);
    return;
  }
  report.hourly_objects = done->outputs.size();
  report.events = done->events;
  report.duplicates = done->duplicates;
  report.conflicts = done->conflicts;
  report.unreadable = done->unreadable;
  report.damaged_objects = done->damaged_objects;
  report.missing_objects = done->missing_objects;
  on_plan_(report);
  remove(done->raws);
}

void HourCompactor::remove(const std::vector<std::string>& keys) {
  std::atomic<std::size_t> next{0};
  in_parallel(std::clamp<std::size_t>(keys.size(), 1, options_.threads), [&](std::size_t) {
    for (;;) {
      const std::size_t i = next.fetch_add(1);
      if (i >= keys.size()) return;
      store_.remove(keys[i]);
    }
  });
}

}  // namespace eventcollect::compaction
