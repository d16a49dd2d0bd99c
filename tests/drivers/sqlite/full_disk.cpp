// The sqlite sink on a disk without a free byte.
#include <doctest/doctest.h>

#include <optional>

#include "eventcollect/sqlite.hpp"
#include "support/events.hpp"
#include "support/sqlite_database.hpp"
#include "support/tiny_disk.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

std::optional<Error::Kind> failure_of(SqliteSink& sink, const Batch& batch) {
  try {
    write(sink, batch);
  } catch (const Error& error) {
    INFO(error.what());
    return error.kind();
  }
  return {};
}

}  // namespace

TEST_CASE(
    "on a full disk nothing is rejected, and what was not stored is stored once there is room") {
  const auto disk = TinyDisk::make(4 << 20);
  if (!disk) return;
  const std::string file = disk->path("events.db");
  SqliteSink sink{file};
  sink.maintain();
  Database{file}.run(
      "CREATE TRIGGER no_spam BEFORE INSERT ON events WHEN new.event = 'spam' BEGIN "
      "SELECT RAISE(ABORT, 'no spam here'); END");
  std::size_t stored = 0;
  for (const std::size_t events : {1U, 100U, 2'000U}) {
    CAPTURE(events);
    const Batch batch = numbered_batch("e" + std::to_string(events) + "_", events);
    const Batch spoiled = batch_of({event_named("spam"), event_named("good")});
    disk->fill();
    for (int i = 0; i < 3; ++i) {
      CHECK(failure_of(sink, batch) == Error::unavailable);
      CHECK(failure_of(sink, spoiled) == Error::unavailable);
      CHECK_THROWS_AS(sink.maintain(), Error);
    }
    disk->make_room();
    sink.maintain();
    CHECK_FALSE(failure_of(sink, batch).has_value());
    CHECK_FALSE(failure_of(sink, batch).has_value());
    stored += events;
    CHECK(after_a_kill(file, "SELECT count(*) FROM events").front() == std::to_string(stored));
  }
}

TEST_CASE("a database that fills its disk by itself keeps what it has") {
  const auto disk = TinyDisk::make(2 << 20);
  if (!disk) return;
  const std::string file = disk->path("events.db");
  std::size_t stored = 0;
  {
    SqliteSink sink{file};
    Batch batch = numbered_batch("e0_", 100);
    while (!failure_of(sink, batch)) {
      ++stored;
      batch = numbered_batch("e" + std::to_string(stored) + "_", 100);
    }
    CHECK(failure_of(sink, batch) == Error::unavailable);
  }
  CHECK(stored > 5);
  CHECK(Database{file}.value("SELECT count(*) FROM events") == std::to_string(100 * stored));
}

}  // namespace eventcollect::test
