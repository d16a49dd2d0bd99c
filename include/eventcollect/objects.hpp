// Events as objects: gzipped NDJSON in a store, partitioned by the hour of server_time.
//
//   enable_objects();
//   pump(*open_source("amqp://localhost/?queue=events"), *open_sink("dir:archive"),
//        {.max_events = 10'000, .max_age = 60s}, stop);
//
//   raw/dt=2026-11-23/hour=18/0193….json.gz      one for each write and hour, as they came
//   hourly/dt=2026-11-23/hour=18/….json.gz       what compact.hpp makes of them
//   plans/… quarantine/…                         how, and what could not be read
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "eventcollect/clock.hpp"
#include "eventcollect/object_store.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect {

class FileSystem;

// Objects as files below a directory: `dir:DIR`. An object is written under DIR/.temporary, synced,
// and renamed (or linked, for create()); then its directory is synced. What a crash left under
// .temporary goes a day later. Several processes may use the same directory.
class DirStore final : public ObjectStore {
 public:
  // Makes the directory and its parents where missing. Throws StoreError.
  explicit DirStore(const std::string& directory);
  DirStore(const std::string& directory, FileSystem& files);  // for tests: faults go in there
  ~DirStore() override;

  void list(std::string_view prefix, std::string_view after, const Visit& visit) override;
  std::unique_ptr<ObjectReader> get(std::string_view key) override;
  void put(std::string_view key, std::string_view content) override;
  bool create(std::string_view key, std::string_view content) override;
  std::unique_ptr<ObjectWriter> write(std::string_view key) override;
  void remove(std::string_view key) override;

 private:
  class Folder;
  class Writer;

  std::shared_ptr<Folder> folder_;
};

// Writes each batch as raw objects, one for each hour that it has events of: the larger the batch,
// the better. Meant to stand behind a pump. What a failed write had put already comes again, and
// is left to compaction.
class ObjectSink final : public Sink {
 public:
  // `store` may not be null; `clock` names the objects and has to outlive the sink.
  explicit ObjectSink(std::shared_ptr<ObjectStore> store, const Clock& clock = system_clock());
  ~ObjectSink() override;

  // Throws SinkError as the store throws StoreError: in doubt where that was unavailable.
  void write(const Batch& batch) override;

 private:
  class Encoder;

  std::shared_ptr<ObjectStore> store_;
  const Clock& clock_;
  std::unique_ptr<Encoder> encoder_;  // null until a write has succeeded, and while one is going on
};

// Opens the store that `url` names. Never null. Throws ConfigError for an unknown scheme (listing
// the known ones) or option, and StoreError where the world is not as it should be. Safe from any
// thread.
std::shared_ptr<ObjectStore> open_store(std::string_view url);

// Makes `scheme` (in lower case) known to open_store(), and to open_sink() as an ObjectSink. Safe
// from any thread.
using StoreOpener = std::function<std::shared_ptr<ObjectStore>(const Url&)>;
void register_store(std::string_view scheme, StoreOpener opener);

// The schemes that open_store() knows, sorted. Safe from any thread.
std::vector<std::string> known_stores();

// Makes `dir:DIR` known. Safe from any thread.
void enable_objects();

}  // namespace eventcollect
