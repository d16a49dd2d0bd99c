// Objects for tests, put there without an archiver or a compactor, and read back.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eventcollect/objects.hpp"
#include "objects/layout.hpp"
#include "objects/plan.hpp"
#include "support/bytes_reader.hpp"
#include "support/events.hpp"

namespace eventcollect::test {

// The first instant of the hour so many hours after some_time.
inline TimePoint hour_number(int hours) { return some_time + std::chrono::hours{hours}; }

// `count` events of that hour, whose names are `name`.
inline Batch events_of(int hour, std::string_view name, std::size_t count) {
  Batch batch;
  std::vector<Rejection> rejected;
  Parser parser;
  for (std::size_t i = 0; i < count; ++i) {
    parser.parse(event_named(name), BodyFormat::json, {hour_number(hour), {}}, {}, batch, rejected);
  }
  REQUIRE(rejected.empty());
  return batch;
}

inline std::string read_all(ObjectReader& reader) {
  std::string all;
  char buffer[4096];
  while (const std::size_t count = reader.read(buffer, sizeof buffer)) all.append(buffer, count);
  return all;
}

inline std::string read_object(ObjectStore& store, std::string_view key) {
  const auto reader = store.get(key);
  REQUIRE(reader);
  return read_all(*reader);
}

inline std::vector<std::string> keys_of(ObjectStore& store, std::string_view prefix = "") {
  std::vector<std::string> keys;
  store.list(prefix, "", [&](const ObjectInfo& object) {
    keys.push_back(object.key);
    return true;
  });
  return keys;
}

// Puts these lines as the raw object `name` of the hour, and returns its key.
inline std::string put_raw(ObjectStore& store, int hour, std::string_view name,
                           std::string_view lines) {
  const std::string key = std::string{objects::raw_folder} +
                          objects::Hour{hour_number(hour)}.partition() + std::string{name} +
                          ".json.gz";
  store.put(key, gzipped(lines));
  return key;
}

// Puts what a finished compaction of `raws` leaves, but for removing them; `lines` are in two
// objects, whose keys it returns.
inline std::vector<std::string> put_hourly(ObjectStore& store, int hour,
                                           const std::vector<std::string>& raws,
                                           const std::vector<Batch>& parts) {
  objects::Plan plan{.hour = objects::Hour{hour_number(hour)}};
  plan.id = mint_uuid(hour_number(hour)).to_string();
  plan.done = true;
  plan.target_bytes = 1'000;
  plan.raws = raws;
  std::vector<std::string> keys;
  for (const Batch& part : parts) {
    keys.push_back(plan.output_key(keys.size()));
    plan.outputs.push_back({keys.back(), part.size(), part.bytes()});
    store.put(keys.back(), gzipped(part.ndjson()));
  }
  store.put(plan.key(), plan.to_json());
  return keys;
}

// A store in front of another, which a test makes misbehave. One thread at a time.
class WatchedStore final : public ObjectStore {
 public:
  explicit WatchedStore(ObjectStore& inner) : inner_{inner} {}

  std::function<void(std::string_view key)> on_get = [](std::string_view) {};
  std::function<void(std::string_view key, std::size_t bytes)> on_read =  // so far
      [](std::string_view, std::size_t) {};
  std::function<void(std::string_view prefix)> on_list = [](std::string_view) {};
  std::function<void(const ObjectInfo& object)> on_listed = [](const ObjectInfo&) {};
  std::vector<std::string> gets;

  void list(std::string_view prefix, std::string_view after, const Visit& visit) override {
    on_list(prefix);
    inner_.list(prefix, after, [&](const ObjectInfo& object) {
      on_listed(object);
      return visit(object);
    });
  }
  std::unique_ptr<ObjectReader> get(std::string_view key) override {
    gets.emplace_back(key);
    on_get(key);
    auto reader = inner_.get(key);
    if (reader == nullptr) return nullptr;
    return std::make_unique<Reader>(*this, std::string{key}, std::move(reader));
  }
  void put(std::string_view key, std::string_view content) override { inner_.put(key, content); }
  bool create(std::string_view key, std::string_view content) override {
    return inner_.create(key, content);
  }
  std::unique_ptr<ObjectWriter> write(std::string_view key) override { return inner_.write(key); }
  void remove(std::string_view key) override { inner_.remove(key); }
  void sync(std::string_view key) override { inner_.sync(key); }

 private:
  class Reader final : public ObjectReader {
   public:
    Reader(WatchedStore& store, std::string key, std::unique_ptr<ObjectReader> inner)
        : store_{store}, key_{std::move(key)}, inner_{std::move(inner)} {}
    std::size_t read(char* out, std::size_t bytes) override {
      store_.on_read(key_, bytes_);
      // In small pieces, so that there is a middle to fail in.
      const std::size_t got = inner_->read(out, std::min(bytes, std::size_t{512}));
      bytes_ += got;
      return got;
    }

   private:
    WatchedStore& store_;
    std::string key_;
    std::unique_ptr<ObjectReader> inner_;
    std::size_t bytes_ = 0;
  };

  ObjectStore& inner_;
};

}  // namespace eventcollect::test
