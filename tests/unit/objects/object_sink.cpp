#include <doctest/doctest.h>

#include <map>
#include <new>
#include <random>

#include "eventcollect/dead_letter.hpp"
#include "eventcollect/dir.hpp"
#include "eventcollect/objects.hpp"
#include "eventcollect/open.hpp"
#include "objects/event_object.hpp"
#include "objects/layout.hpp"
#include "objects/letter_sink.hpp"
#include "support/directory.hpp"
#include "support/events.hpp"
#include "support/hooked_store.hpp"
#include "support/hours.hpp"
#include "support/objects.hpp"
#include "support/seed.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {

using objects::EventObject;
using objects::Hour;

namespace {

using namespace std::chrono_literals;

// An event of each of these times.
Batch batch_at(const std::vector<TimePoint>& times) {
  Batch batch;
  std::vector<Rejection> rejected;
  Parser parser;
  for (const TimePoint time : times) {
    parser.parse(R"({"event":"e"})", BodyFormat::json, {time, {}}, {}, batch, rejected);
  }
  return batch;
}

// The lines of each partition.
std::map<std::string, std::string> partitions_of(ObjectStore& store) {
  std::map<std::string, std::string> partitions;
  for (const std::string& key : keys_of(store, "raw/")) {
    EventObject object{store.get(key)};
    std::string& lines = partitions[key.substr(0, key.rfind('/'))];
    for (Delivery some; object.read(some); some.clear()) lines += some.batch.ndjson();
    CHECK(object.damage().empty());
  }
  return partitions;
}

}  // namespace

TEST_CASE("the hour of a time is its partition, and that of a key is read back") {
  const Hour hour{some_time + 18h + 59min + 59s + 999ms};
  CHECK(hour.partition() == "dt=2030-01-01/hour=18/");
  CHECK(hour.begin() == some_time + 18h);
  CHECK(hour.holds(some_time + 18h));
  CHECK_FALSE(hour.holds(some_time + 19h));
  CHECK_FALSE(hour.holds(some_time + 18h - 1ms));
  CHECK(Hour{from_milliseconds(0)}.partition() == "dt=1970-01-01/hour=00/");
  CHECK(Hour{latest_time}.partition() == "dt=9999-12-31/hour=23/");
  for (const char* folder : {"raw/", "hourly/", "plans/", "quarantine/"}) {
    CHECK(Hour::of_key(folder + hour.partition() + "x.json.gz") == hour);
  }
  for (const char* key :
       {"", "raw/", "raw/x", "other/dt=2030-01-01/hour=18/x", "raw/dt=2030-01-01/hour=24/x",
        "raw/dt=2030-13-01/hour=18/x", "raw/dt=2030-02-30/hour=18/x", "raw/dt=2030-01-01/hour=1/x",
        "raw/dt=2030-01-01-hour=18/x", "raw/xx=2030-01-01/hour=18/x",
        "raw/dt=2030-01-01/hour=18"}) {
    CAPTURE(key);
    CHECK_FALSE(Hour::of_key(key));
  }
}

TEST_CASE("events of one hour become one object, to the last byte as they were") {
  const TemporaryDirectory directory;
  auto store = std::make_shared<DirStore>(directory.path());
  ObjectSink sink{store};
  const Batch batch = numbered_batch("event", 1'000);
  write(sink, batch);
  CHECK(keys_of(*store).size() == 1);
  const auto partitions = partitions_of(*store);
  CHECK((partitions.at("raw/dt=2030-01-01/hour=00") == batch.ndjson()));
}

TEST_CASE("each event goes to the hour of its server_time, in whatever order they come") {
  std::mt19937_64 random{seed()};
  for (int round = 0; round < 20; ++round) {
    const TemporaryDirectory directory;
    auto store = std::make_shared<DirStore>(directory.path());
    ObjectSink sink{store};
    std::vector<TimePoint> times;
    for (int i = 0; i < 200; ++i) {
      // Around the edges of five hours, often the same as the last.
      if (!times.empty() && random() % 2 == 0) {
        times.push_back(times.back());
      } else {
        times.push_back(some_time + 1h * static_cast<int>(1 + random() % 5) +
                        1ms * (static_cast<int>(random() % 5) - 2));
      }
    }
    const Batch batch = batch_at(times);
    std::map<std::string, std::string> expected;
    for (const Event& event : batch) {
      std::string partition = "raw/" + Hour{event.server_time}.partition();
      partition.pop_back();
      expected[partition] += std::string{event.line} + "\n";
    }
    write(sink, batch);
    CHECK((partitions_of(*store) == expected));
    CHECK(keys_of(*store).size() == expected.size());
  }
}

TEST_CASE("a write that failed, with whatever, leaves nothing in the next one") {
  const Batch batch = numbered_batch("event", 20'000);
  for (int failing = 1; failing <= 2; ++failing) {
    CAPTURE(failing);
    const TemporaryDirectory directory;
    DirStore files{directory.path()};
    int writes = 0;
    auto store = std::make_shared<HookedStore>(files, [&](const StoreCall& call) {
      if (call.kind == StoreCall::write && !call.done && ++writes == failing) {
        throw std::bad_alloc{};
      }
    });
    ObjectSink sink{store};
    CHECK_THROWS_AS(write(sink, batch), std::bad_alloc);
    CHECK(keys_of(files).empty());
    write(sink, batch);
    CHECK((partitions_of(files).at("raw/dt=2030-01-01/hour=00") == batch.ndjson()));
  }
}

TEST_CASE("a write keeps the store's kind of error, and is in doubt once an hour of it is stored") {
  const auto kind_after = [](const Batch& batch, int failing, Error::Kind thrown) {
    const TemporaryDirectory directory;
    DirStore files{directory.path()};
    int commits = 0;
    auto store = std::make_shared<HookedStore>(files, [&](const StoreCall& call) {
      if (call.kind == StoreCall::commit && !call.done && ++commits == failing) {
        throw Error{thrown, "told to fail"};
      }
    });
    ObjectSink sink{store};
    try {
      write(sink, batch);
      FAIL("it did not fail");
    } catch (const Error& error) {
      return error.kind();
    }
    return thrown;
  };
  const Batch two_hours = batch_at({some_time, some_time + 1h});
  for (const auto kind : {Error::unavailable, Error::misconfigured, Error::in_doubt}) {
    CAPTURE(kind);
    CHECK(kind_after(two_hours, 1, kind) == kind);
    CHECK(kind_after(numbered_batch("event", 10), 1, kind) == kind);
  }
  CHECK(kind_after(two_hours, 2, Error::unavailable) == Error::in_doubt);
  CHECK(kind_after(two_hours, 2, Error::misconfigured) == Error::misconfigured);
}

TEST_CASE("an archive is opened by its URL") {
  const TemporaryDirectory directory;
  enable_dir();
  write(*open_sink("dir:" + directory.path("archive")), numbered_batch("event", 1));
  CHECK(keys_of(*open_store("dir:" + directory.path("archive"))).size() == 1);
  CHECK_THROWS_WITH_AS(open_store("nowhere:x"), doctest::Contains("dir"), ConfigError);
  CHECK_THROWS_AS(open_store("dir:"), ConfigError);
  CHECK_THROWS_AS(open_store("dir://host/x"), ConfigError);
  CHECK_THROWS_AS(open_store("dir:x?colour=red"), ConfigError);
  write_file(directory.path("file"), "");
  CHECK_THROWS_AS(open_store("dir:" + directory.path("file")), Error);
  CHECK_THROWS_AS(open_sink("dir:" + directory.path("file")), Error);
}

TEST_CASE("dead letters are objects in quarantine, in the hour in which they were made") {
  const TemporaryDirectory directory;
  DirStore store{directory.path()};
  const std::shared_ptr<ObjectStore> shared{std::shared_ptr<ObjectStore>{}, &store};
  objects::LetterSink one{shared};
  objects::LetterSink other{shared};
  Batch letters;
  append_dead_letter(letters, some_time + 18h, DeadLetterOrigin::pump, {.raw = "no event"});
  write(one, letters);
  write(other, letters);
  CHECK(keys_of(store, "").size() == 2);
  for (const std::string& key : keys_of(store, "")) {
    CAPTURE(key);
    CHECK(key.starts_with("quarantine/dt=2030-01-01/hour=18/"));
    CHECK(key.ends_with(".letters.json.gz"));
    CHECK(lines_in(store, key) == lines_of(letters.ndjson()));
  }
}

}  // namespace eventcollect::test
