#include "compact/plan_finisher.hpp"

#include <string>
#include <utility>

#include "compact/new_events.hpp"
#include "compact/output_writer.hpp"
#include "compact/raw_reader.hpp"
#include "objects/stoppable_store.hpp"

namespace eventcollect::compaction {

using objects::check_stop;
using objects::Plan;
using objects::PlanOutput;

namespace {

constexpr std::size_t events_between_stops = 1'024;

}  // namespace

PlanFinisher::PlanFinisher(ObjectStore& store, const CompactOptions& options,
                           const std::stop_token& stop, Plan plan)
    : store_{store},
      options_{options},
      stop_{stop},
      plan_{std::move(plan)},
      letters_{store, plan_.letters_key(), *options.clock} {}

std::optional<Plan> PlanFinisher::run() {
  RawReader raws{store_, options_, stop_, plan_, letters_};
  auto events = raws.read();
  if (events == nullptr) return {};
  events = without_earlier(std::move(events), store_, plan_, options_, stop_, left_out_);
  plan_.outputs = write_outputs(*events);
  plan_.duplicates = left_out_.duplicates();
  plan_.conflicts = left_out_.conflicts();
  plan_.unreadable = raws.unreadable();
  plan_.damaged_objects = raws.damaged_objects();
  plan_.missing_objects = raws.missing_objects();
  // The letters are durable before any compactor may remove the raw objects.
  letters_.commit();
  plan_.done = true;
  store_.put(plan_.key(), plan_.to_json());
  return std::move(plan_);
}

std::vector<PlanOutput> PlanFinisher::write_outputs(SortedEvents& events) {
  OutputWriter writer{store_, plan_};
  SortedEvent kept;
  std::string kept_line;
  std::size_t count = 0;
  for (SortedEvent event; events.next(event);) {
    if (++count % events_between_stops == 0) check_stop(stop_);
    if (plan_.events > 0 && event.has_id_of(kept)) {
      left_out_.add(event, kept_line);
      continue;
    }
    kept = event;
    kept_line.assign(event.line);
    writer.add(event.line);
    ++plan_.events;
  }
  return writer.finish();
}

}  // namespace eventcollect::compaction
