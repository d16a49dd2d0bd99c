#include "compact/plan_finisher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compact/earlier_events.hpp"
#include "compact/output_writer.hpp"
#include "compact/parallel.hpp"
#include "objects/event_object.hpp"

namespace eventcollect {
namespace {

// So much is read at once that it stays in the processor's cache.
constexpr std::size_t events_at_once = 1'000;
constexpr std::size_t bytes_at_once = std::size_t{256} << 10;

constexpr std::size_t events_between_stops = 1'024;

// Each takes memory for reading an object.
constexpr std::size_t earlier_plans_at_once = 16;

}  // namespace

PlanFinisher::PlanFinisher(ObjectStore& store, const CompactOptions& options,
                           const std::stop_token& stop, Plan plan)
    : store_{store},
      options_{options},
      stop_{stop},
      plan_{std::move(plan)},
      letters_{store, plan_.letters_key(), *options.clock} {}

std::optional<Plan> PlanFinisher::run() {
  read_raws();
  if (finished_elsewhere_) return {};
  if (missing_objects_ > 0) {
    // Somebody may have finished and removed since the last one that was missing.
    if (is_finished_elsewhere()) return {};
    read_own_outputs();
  }
  const auto events = without_earlier(EventSorter::merge(sorters_));
  plan_.outputs = write_outputs(*events);
  plan_.unreadable = unreadable_;
  plan_.damaged_objects = damaged_objects_;
  plan_.missing_objects = missing_objects_;
  // What was not taken over is durable before anybody may remove the raw objects.
  letters_.commit();
  plan_.done = true;
  store_.put(plan_.key(), plan_.to_json());
  return std::move(plan_);
}

void PlanFinisher::read_raws() {
  const std::size_t threads = std::clamp<std::size_t>(plan_.raws.size(), 1, options_.threads);
  sorters_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    sorters_.emplace_back(SortOptions{.memory_bytes = options_.memory_bytes / threads,
                                      .temporary_directory = options_.temporary_directory});
  }
  in_parallel(threads, [this](std::size_t i) { read_some(sorters_[i]); });
}

void PlanFinisher::read_some(EventSorter& sorter) {
  try {
    while (!ends_early_) {
      const std::size_t raw = next_raw_.fetch_add(1);
      if (raw >= plan_.raws.size()) return;
      read_raw(plan_.raws[raw], sorter);
    }
  } catch (const Error&) {
    ends_early_ = true;
    // Perhaps what was being read was removed.
    if (!is_finished_elsewhere()) throw;
  } catch (...) {
    ends_early_ = true;
    throw;
  }
}

void PlanFinisher::read_raw(const std::string& key, EventSorter& sorter) {
  auto reader = store_.get(key);
  if (reader == nullptr) {
    note_missing(key);
    return;
  }
  EventObject object{std::move(reader)};
  read_events(object, key, sorter);
  if (!object.damage().empty()) keep_damaged(key, object.damage());
}

void PlanFinisher::read_events(EventObject& object, const std::string& key, EventSorter& sorter) {
  for (Delivery delivery; object.read(delivery, events_at_once, bytes_at_once); delivery.clear()) {
    check_stop();
    for (const Event& event : delivery.batch) {
      if (plan_.hour.holds(event.server_time)) {
        sorter.add(SortedEvent::of(event));
      } else {
        ++unreadable_;
        letters_.add({.event_id = event.id,
                      .code = code::server_time_invalid,
                      .pointer = "/server_time",
                      .message = fmt::format("This is not of the hour of {}.", key),
                      .raw = std::string{event.line}});
      }
    }
    for (const Rejection& rejection : delivery.rejections) {
      ++unreadable_;
      letters_.add(rejection);
    }
  }
}

// Copies a damaged object to the quarantine.
void PlanFinisher::keep_damaged(const std::string& key, const std::string& damage) {
  const auto reader = store_.get(key);
  if (reader == nullptr) {
    note_missing(key);
    return;
  }
  const std::string kept = std::string{quarantine_folder} + key.substr(raw_folder.size());
  const auto copy = store_.write(kept);
  std::vector<char> buffer(bytes_at_once);
  while (const std::size_t got = reader->read(buffer.data(), buffer.size())) {
    check_stop();
    copy->write({buffer.data(), got});
  }
  copy->commit();
  ++damaged_objects_;
  letters_.add(
      {.code = code::object_damaged,
       .message = fmt::format("The object {}. Its readable lines were taken; it is kept as {}.",
                              damage, kept),
       .raw = key});
}

void PlanFinisher::note_missing(const std::string& key) {
  // Compactors remove raw objects only after the plan was marked done: so if it still is open,
  // somebody else has removed this one. The hour goes on without it.
  if (is_finished_elsewhere()) {
    ends_early_ = true;
    return;
  }
  ++missing_objects_;
  letters_.add({.code = code::object_missing,
                .message = "The object was removed before it was compacted.",
                .raw = key});
}

bool PlanFinisher::is_finished_elsewhere() {
  const auto plan = read_plan(store_, plan_.key());
  if (plan && plan->done) finished_elsewhere_ = true;
  return finished_elsewhere_;
}

// What this plan has put already may hold events of a raw object that is missing now: they are kept
// as if they came from there.
void PlanFinisher::read_own_outputs() {
  std::vector<std::string> keys;
  const std::string any = plan_.output_key(0);
  const std::string_view prefix{any.data(), any.rfind('-') + 1};
  store_.list(prefix, "", [&](const ObjectInfo& object) {
    keys.push_back(object.key);
    return true;
  });
  for (const std::string& key : keys) {
    auto reader = store_.get(key);
    if (reader == nullptr) continue;
    EventObject object{std::move(reader)};
    read_events(object, key, sorters_.front());
  }
}

// What the plans before this one put out, of each in order.
std::vector<std::vector<PlanOutput>> PlanFinisher::earlier_outputs() const {
  std::vector<std::vector<PlanOutput>> all;
  if (plan_.number == 1) return all;
  for (const std::string& key : list_plans(store_, plan_.hour)) {
    if (plan_number(key) >= plan_.number) break;
    auto plan = read_plan(store_, key);
    if (plan && !plan->outputs.empty()) all.push_back(std::move(plan->outputs));
  }
  return all;
}

// Leaves out the events that earlier objects of the hour have.
class PlanFinisher::Remainder final : public SortedEvents {
 public:
  Remainder(PlanFinisher& finisher, std::unique_ptr<SortedEvents> events,
            std::vector<std::unique_ptr<SortedEvents>> earlier)
      : finisher_{finisher}, events_{std::move(events)}, earlier_{std::move(earlier)} {
    has_before_ = earlier_.next(before_);
  }

  bool next(SortedEvent& out) override {
    while (events_->next(out)) {
      while (has_before_ && before_.has_id_before(out)) has_before_ = earlier_.next(before_);
      if (!has_before_ || !before_.has_id_of(out)) return true;
      finisher_.leave_out(out, before_.line);
    }
    return false;
  }

 private:
  PlanFinisher& finisher_;
  std::unique_ptr<SortedEvents> events_;
  MergedEvents earlier_;
  SortedEvent before_;
  bool has_before_ = false;
};

std::unique_ptr<SortedEvents> PlanFinisher::without_earlier(std::unique_ptr<SortedEvents> events) {
  auto outputs = earlier_outputs();
  for (std::size_t first = 0; first < outputs.size(); first += earlier_plans_at_once) {
    const std::size_t end = std::min(outputs.size(), first + earlier_plans_at_once);
    std::vector<std::unique_ptr<SortedEvents>> earlier;
    earlier.reserve(end - first);
    for (std::size_t i = first; i < end; ++i) {
      earlier.push_back(std::make_unique<EarlierEvents>(store_, std::move(outputs[i])));
    }
    events = std::make_unique<Remainder>(*this, std::move(events), std::move(earlier));
    if (end == outputs.size()) break;
    // So that only so many objects are open at once.
    auto file = std::make_unique<RunFile>(options_.temporary_directory, bytes_at_once);
    for (SortedEvent event; events->next(event);) {
      check_stop();
      file->add(event);
    }
    file->finish();
    events = read_run(std::move(file), bytes_at_once);
  }
  return events;
}

std::vector<PlanOutput> PlanFinisher::write_outputs(SortedEvents& events) {
  OutputWriter writer{store_, plan_};
  SortedEvent kept;
  std::string kept_line;
  std::size_t count = 0;
  for (SortedEvent event; events.next(event);) {
    if (++count % events_between_stops == 0) check_stop();
    if (plan_.events > 0 && event.has_id_of(kept)) {
      leave_out(event, kept_line);
      continue;
    }
    kept = event;
    kept_line.assign(event.line);
    writer.add(event.line);
    ++plan_.events;
  }
  check_stop();
  return writer.finish();
}

// Of two with the same id, another one stays.
void PlanFinisher::leave_out(const SortedEvent& event, std::string_view kept_line) {
  if (comparison_.same(kept_line, event.line)) {
    ++plan_.duplicates;
    return;
  }
  ++plan_.conflicts;
  letters_.add({.event_id = event.id(),
                .code = code::event_id_conflict,
                .pointer = "/event_id",
                .message = "The hour has another event under this event_id.",
                .raw = std::string{event.line}});
}

void PlanFinisher::check_stop() const {
  if (stop_.stop_requested()) throw Stopped{};
}

}  // namespace eventcollect
