// Hours of events in a store, as compaction finds and leaves them.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/compact.hpp"
#include "eventcollect/object_store.hpp"
#include "objects/layout.hpp"
#include "objects/plan.hpp"
#include "support/events.hpp"
#include "support/json.hpp"
#include "support/objects.hpp"

namespace eventcollect::test {

inline const objects::Hour some_hour{some_time};
inline const std::string some_partition = some_hour.partition();

// Long after some_hour.
inline constexpr TimePoint some_later = some_time + std::chrono::hours{5};

// The id of event `number`.
inline std::string id_of(std::uint64_t number) {
  return fmt::format("0193a000-0000-7000-8000-{:012x}", number);
}

struct EventText {
  std::uint64_t number = 0;
  std::int64_t offset = 0;  // of server_time from some_hour's begin, in milliseconds
  std::string name = "clicked";
  std::string properties = "{}";
};

inline std::string line_of(const EventText& event) {
  const auto time = to_milliseconds(some_hour.begin()) + event.offset;
  return fmt::format(
      R"({{"event_id":"{}","event":"{}","properties":{},"server_time":{},"event_time":{}}})",
      id_of(event.number), event.name, event.properties, time, time);
}

inline std::string raw_key(std::string_view name) {
  return fmt::format("{}{}{}{}", objects::raw_folder, some_partition, name, objects::events_suffix);
}

// As `name` of some_hour.
inline void put_raw(ObjectStore& store, std::string_view name,
                    const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append(line).push_back('\n');
  store.put(raw_key(name), gzipped(text));
}

// Undoes gzip, by zlib; fails where it is damaged.
inline std::string gunzip(std::string_view data) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::string out;
  int result = Z_OK;
  while (result == Z_OK) {
    char chunk[16 << 10];
    stream.next_out = reinterpret_cast<Bytef*>(chunk);
    stream.avail_out = sizeof(chunk);
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(chunk, sizeof(chunk) - stream.avail_out);
  }
  inflateEnd(&stream);
  CHECK(result == Z_STREAM_END);
  CHECK(stream.avail_in == 0);
  return out;
}

inline std::vector<std::string> lines_in(ObjectStore& store, const std::string& key) {
  return lines_of(gunzip(read_object(store, key)));
}

// The lines of all objects below `prefix`.
inline std::vector<std::string> all_lines(ObjectStore& store, std::string_view prefix) {
  std::vector<std::string> all;
  for (const std::string& key : keys_of(store, prefix)) {
    for (std::string& line : lines_in(store, key)) all.push_back(std::move(line));
  }
  return all;
}

inline std::vector<std::string> hourly_lines(ObjectStore& store) {
  return all_lines(store, objects::hourly_folder);
}

// The dead letters: quarantine/ has damaged objects as well, which are not read here.
inline std::vector<std::string> letters_in(ObjectStore& store) {
  std::vector<std::string> all;
  for (const std::string& key : keys_of(store, objects::quarantine_folder)) {
    if (!key.ends_with(".letters.json.gz")) continue;
    for (std::string& line : lines_in(store, key)) all.push_back(std::move(line));
  }
  return all;
}

inline std::vector<objects::Plan> plans_in(ObjectStore& store) {
  std::vector<objects::Plan> plans;
  for (const std::string& key : objects::list_plans(store, some_hour)) {
    plans.push_back(objects::read_plan(store, key).value());
  }
  return plans;
}

// What has to hold for every hour that was compacted: no raws, every plan is done, hourly/ has the
// plans' outputs and nothing else, each sorted, and each event once. Returns the numbers of events.
inline std::multiset<std::string> check_hour(ObjectStore& store) {
  CHECK(keys_of(store, objects::raw_folder).empty());
  std::vector<std::string> outputs;
  std::multiset<std::string> ids;
  for (const objects::Plan& plan : plans_in(store)) {
    CHECK(plan.done);
    std::string last;
    for (const objects::PlanOutput& output : plan.outputs) {
      outputs.push_back(output.key);
      const auto lines = lines_in(store, output.key);
      CHECK(lines.size() == output.events);
      std::uint64_t bytes = 0;
      for (const std::string& line : lines) {
        bytes += line.size() + 1;
        const std::string id = Json{line}.text("/event_id");
        CHECK(id > last);
        last = id;
        CHECK_MESSAGE(!ids.contains(id), id, " is there twice");
        ids.insert(id);
      }
      CHECK(bytes == output.bytes);
    }
  }
  std::sort(outputs.begin(), outputs.end());
  CHECK(keys_of(store, objects::hourly_folder) == outputs);
  return ids;
}

inline std::multiset<std::string> ids_of(std::uint64_t first, std::uint64_t count) {
  std::multiset<std::string> ids;
  for (std::uint64_t i = 0; i < count; ++i) ids.insert(id_of(first + i));
  return ids;
}

// Compacts as if it were some_later, in one thread and in little memory.
inline CompactOptions later_options() {
  static const ManualClock later{some_later};
  return {.memory_bytes = 1 << 20, .threads = 1, .clock = &later};
}

}  // namespace eventcollect::test
