#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "eventcollect/objects.hpp"
#include "eventcollect/uuid.hpp"
#include "objects/event_object_writer.hpp"
#include "objects/layout.hpp"
#include "objects/letter_sink.hpp"

namespace eventcollect {

using objects::EventObjectWriter;
using objects::events_suffix;
using objects::Hour;
using objects::letters_suffix;
using objects::quarantine_folder;
using objects::raw_folder;
using objects::write_event_object;

namespace {

bool is_of_one_hour(const Batch& batch) { return Hour{batch.earliest()} == Hour{batch.latest()}; }

// The hours that a batch has events of, in order. Nearly always it is one, and then no event need
// be looked at: a batch of 100,000 has 20 MB of them.
std::vector<Hour> hours_of(const Batch& batch) {
  std::vector<Hour> hours;
  if (is_of_one_hour(batch)) return {Hour{batch.earliest()}};
  for (const Event& event : batch) {
    if (!hours.empty() && hours.back().holds(event.server_time)) continue;
    const Hour hour{event.server_time};
    const auto place = std::lower_bound(hours.begin(), hours.end(), hour);
    if (place == hours.end() || *place != hour) hours.insert(place, hour);
  }
  return hours;
}

// Appends those events of `batch` that are of `hour`. Lines that stand side by side in the batch
// are compressed in one go.
void append_those_of(const Hour& hour, const Batch& batch, EventObjectWriter& object) {
  std::string_view run;
  for (const Event& event : batch) {
    if (!hour.holds(event.server_time)) continue;
    const std::size_t with_feed = event.line.size() + 1;
    if (event.line.data() == run.data() + run.size()) {
      run = {run.data(), run.size() + with_feed};
      continue;
    }
    object.append(run);
    run = {event.line.data(), with_feed};
  }
  object.append(run);
}

void write_hour(const Hour& hour, const Batch& batch, EventObjectWriter& object) {
  if (is_of_one_hour(batch)) {
    object.append(batch.ndjson());
  } else {
    append_those_of(hour, batch, object);
  }
  object.commit();
}

// Writes a batch as one object for each hour that it has events of.
void write_objects(ObjectStore& store, const Clock& clock, const Batch& batch,
                   std::string_view folder, std::string_view suffix) {
  bool has_stored = false;
  try {
    for (const Hour& hour : hours_of(batch)) {
      const std::string key = fmt::format("{}{}{}{}", folder, hour.partition(),
                                          mint_uuid(clock.now()).to_string(), suffix);
      write_hour(hour, batch, *write_event_object(store.write(key)));
      has_stored = true;
    }
  } catch (const Error& error) {
    // The store speaks of one object, and part of the batch is stored already.
    if (has_stored && error.kind() == Error::unavailable) {
      throw Error{Error::in_doubt, error.what()};
    }
    throw;
  }
}

}  // namespace

ObjectSink::ObjectSink(std::shared_ptr<ObjectStore> store, const Clock& clock)
    : store_{std::move(store)}, clock_{clock} {}

void ObjectSink::write(const Batch& batch, Rejections&) {
  write_objects(*store_, clock_, batch, raw_folder, events_suffix);
}

namespace objects {

LetterSink::LetterSink(std::shared_ptr<ObjectStore> store, const Clock& clock)
    : store_{std::move(store)}, clock_{clock} {}

void LetterSink::write(const Batch& batch, Rejections&) {
  write_objects(*store_, clock_, batch, quarantine_folder, letters_suffix);
}

}  // namespace objects
}  // namespace eventcollect
