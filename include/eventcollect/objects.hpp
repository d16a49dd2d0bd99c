// Events as objects: gzipped NDJSON in a store, partitioned by the hour of server_time.
//
//   enable_dir();                                       // or enable_s3(), or all: enable_drivers()
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

// Writes each batch as raw objects, one for each hour that it has events of: the larger the batch,
// the better. Meant to stand behind a pump. What a failed write had put already comes again, and
// is left to compaction.
class ObjectSink final : public Sink {
 public:
  // `store` may not be null; `clock` names the objects and has to outlive the sink.
  explicit ObjectSink(std::shared_ptr<ObjectStore> store, const Clock& clock = system_clock());

  // Throws Error as the store does; in_doubt, too, where the store fails after it has taken the
  // object of another hour of the batch.
  void write(const Batch& batch, Rejections& rejections) override;

 private:
  std::shared_ptr<ObjectStore> store_;
  const Clock& clock_;
};

// Opens the store that `url` names. Never null. Throws ConfigError for an unknown scheme (listing
// the known ones) or option, and Error where the world is not as it should be. Safe from any
// thread.
std::shared_ptr<ObjectStore> open_store(std::string_view url);

// Makes `scheme` (in lower case) known to open_store(), and to open_sink() as an ObjectSink. Safe
// from any thread.
using StoreOpener = std::function<std::shared_ptr<ObjectStore>(const Url&)>;
void register_store(std::string_view scheme, StoreOpener opener);

// The schemes that open_store() knows, sorted. Safe from any thread.
std::vector<std::string> known_stores();

}  // namespace eventcollect
