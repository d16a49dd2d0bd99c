#include "compact/raw_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compact/parallel.hpp"
#include "objects/layout.hpp"

namespace eventcollect::compaction {

using objects::EventObject;
using objects::quarantine_folder;
using objects::raw_folder;
using objects::read_plan;

namespace {

// So much is read at once that it stays in the processor's cache.
constexpr std::size_t events_at_once = 1'000;
constexpr std::size_t bytes_at_once = std::size_t{256} << 10;

}  // namespace

std::unique_ptr<SortedEvents> RawReader::read() {
  const std::size_t threads = std::clamp<std::size_t>(plan_.raws.size(), 1, options_.threads);
  sorters_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    sorters_.emplace_back(SortOptions{.memory_bytes = options_.memory_bytes / threads,
                                      .temporary_directory = options_.temporary_directory,
                                      .stop = stop_});
  }
  in_parallel(threads, [this](std::size_t i) { read_some(sorters_[i]); });
  if (finished_elsewhere_) return nullptr;
  if (missing_objects_ > 0) {
    // Another compactor may have finished and removed since the last one that was missing.
    if (is_finished_elsewhere()) return nullptr;
    read_own_outputs();
  }
  return EventSorter::merge(sorters_);
}

void RawReader::read_some(EventSorter& sorter) {
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

void RawReader::read_raw(const std::string& key, EventSorter& sorter) {
  auto reader = store_.get(key);
  if (reader == nullptr) {
    note_missing(key);
    return;
  }
  EventObject object{std::move(reader)};
  read_events(object, key, sorter);
  if (!object.damage().empty()) keep_damaged(key, object.damage());
}

void RawReader::read_events(EventObject& object, const std::string& key, EventSorter& sorter) {
  for (Delivery delivery; object.read(delivery, events_at_once, bytes_at_once); delivery.clear()) {
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
void RawReader::keep_damaged(const std::string& key, const std::string& damage) {
  const auto reader = store_.get(key);
  if (reader == nullptr) {
    note_missing(key);
    return;
  }
  const std::string kept = std::string{quarantine_folder} + key.substr(raw_folder.size());
  const auto copy = store_.write(kept);
  std::vector<char> buffer(bytes_at_once);
  while (const std::size_t got = reader->read(buffer.data(), buffer.size())) {
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

void RawReader::note_missing(const std::string& key) {
  // Compactors remove raw objects only after the plan was marked done: so if it still is open,
  // another process has removed this one. The hour goes on without it.
  if (is_finished_elsewhere()) {
    ends_early_ = true;
    return;
  }
  ++missing_objects_;
  letters_.add({.code = code::object_missing,
                .message = "The object was removed before it was compacted.",
                .raw = key});
}

bool RawReader::is_finished_elsewhere() {
  const auto plan = read_plan(store_, plan_.key());
  if (plan && plan->done) finished_elsewhere_ = true;
  return finished_elsewhere_;
}

// What this plan has put already may hold events of a raw object that is missing now: they are kept
// as if they came from there.
void RawReader::read_own_outputs() {
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

}  // namespace eventcollect::compaction
