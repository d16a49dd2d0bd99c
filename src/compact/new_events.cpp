#include "compact/new_events.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "compact/earlier_events.hpp"
#include "compact/run_file.hpp"
#include "objects/stoppable_store.hpp"

namespace eventcollect::compaction {

using objects::check_stop;
using objects::list_plans;
using objects::Plan;
using objects::plan_number;
using objects::PlanOutput;
using objects::read_plan;

namespace {

// Each takes memory for reading an object.
constexpr std::size_t earlier_plans_at_once = 16;

constexpr std::size_t file_buffer_bytes = std::size_t{256} << 10;

// Leaves out the events that `earlier` has.
class NewEvents final : public SortedEvents {
 public:
  NewEvents(std::unique_ptr<SortedEvents> events,
            std::vector<std::unique_ptr<SortedEvents>> earlier, LeftOut& left_out)
      : events_{std::move(events)}, earlier_{std::move(earlier)}, left_out_{left_out} {
    has_before_ = earlier_.next(before_);
  }

  bool next(SortedEvent& out) override {
    while (events_->next(out)) {
      while (has_before_ && before_.has_id_before(out)) has_before_ = earlier_.next(before_);
      if (!has_before_ || !before_.has_id_of(out)) return true;
      left_out_.add(out, before_.line);
    }
    return false;
  }

 private:
  std::unique_ptr<SortedEvents> events_;
  MergedEvents earlier_;
  LeftOut& left_out_;
  SortedEvent before_;
  bool has_before_ = false;
};

// What the plans before `plan` put out, of each in order.
std::vector<std::vector<PlanOutput>> outputs_before(ObjectStore& store, const Plan& plan) {
  std::vector<std::vector<PlanOutput>> all;
  if (plan.number == 1) return all;
  for (const std::string& key : list_plans(store, plan.hour)) {
    if (plan_number(key) >= plan.number) break;
    auto earlier = read_plan(store, key);
    if (earlier && !earlier->outputs.empty()) all.push_back(std::move(earlier->outputs));
  }
  return all;
}

// Reads all of `events`, so that what they read can be closed.
std::unique_ptr<SortedEvents> buffered_in_file(SortedEvents& events, const std::string& directory,
                                               const std::stop_token& stop) {
  auto file = std::make_unique<RunFile>(directory, file_buffer_bytes);
  for (SortedEvent event; events.next(event);) {
    check_stop(stop);
    file->add(event);
  }
  file->finish();
  return read_run(std::move(file), file_buffer_bytes);
}

}  // namespace

std::unique_ptr<SortedEvents> without_earlier(std::unique_ptr<SortedEvents> events,
                                              ObjectStore& store, const Plan& plan,
                                              const CompactOptions& options,
                                              const std::stop_token& stop, LeftOut& left_out) {
  auto outputs = outputs_before(store, plan);
  for (std::size_t first = 0; first < outputs.size(); first += earlier_plans_at_once) {
    if (first > 0) events = buffered_in_file(*events, options.temporary_directory, stop);
    const std::size_t end = std::min(outputs.size(), first + earlier_plans_at_once);
    std::vector<std::unique_ptr<SortedEvents>> earlier;
    earlier.reserve(end - first);
    for (std::size_t i = first; i < end; ++i) {
      earlier.push_back(std::make_unique<EarlierEvents>(store, std::move(outputs[i])));
    }
    events = std::make_unique<NewEvents>(std::move(events), std::move(earlier), left_out);
  }
  return events;
}

}  // namespace eventcollect::compaction
