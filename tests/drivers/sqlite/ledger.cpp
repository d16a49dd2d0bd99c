// The sqlite sink as a ledger: whole objects, each once.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>

#include "eventcollect/sqlite.hpp"
#include "support/events.hpp"
#include "support/sqlite_database.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

struct Store {
  TemporaryDirectory directory{};
  std::string file = directory.path("events.db");

  std::string count() const { return Database{file}.value("SELECT count(*) FROM events"); }
  Strings ledger() const {
    return Database{file}.query(
        "SELECT object_key, selection, events FROM eventcollect_loads ORDER BY 1, 2");
  }
};

}  // namespace

TEST_CASE("a committed load is there whole, with its line, and does not begin again") {
  const Store store;
  SqliteSink sink{store.file};
  REQUIRE(sink.begin("hour=18/a", "") == LoadStart::begun);
  write(sink, numbered_batch("one", 10));
  write(sink, numbered_batch("two", 10'000));
  CHECK(after_a_kill(store.file, "SELECT count(*) FROM events") == Strings{"0"});
  sink.commit();
  CHECK(after_a_kill(store.file, "SELECT count(*) FROM events") == Strings{"10010"});
  CHECK(store.ledger() == Strings{"hour=18/a||10010"});
  CHECK(Database{store.file}.value("SELECT abs(julianday('now') - julianday(loaded_at)) < 1 "
                                   "FROM eventcollect_loads") == "1");

  CHECK(sink.begin("hour=18/a", "") == LoadStart::loaded);
  CHECK(SqliteSink{store.file}.begin("hour=18/a", "") == LoadStart::loaded);
  write(sink, numbered_batch("alone", 1));
  CHECK(store.count() == "10011");
}

TEST_CASE("a part of an object is loaded once, and not at all after the whole") {
  const Store store;
  SqliteSink sink{store.file};
  CHECK(sink.loaded(Strings{"a"}, "") == std::vector{false});
  for (const auto& [key, selection] : {std::pair{"a", "event=paid"}, std::pair{"a", "event=read"},
                                       std::pair{"a", ""}, std::pair{"b", "event=paid"}}) {
    CHECK(sink.begin(key, selection) == LoadStart::begun);
    sink.commit();
    CHECK(sink.begin(key, selection) == LoadStart::loaded);
  }
  CHECK(sink.begin("a", "event=closed") == LoadStart::loaded);
  CHECK(store.ledger() == Strings{"a||0", "a|event=paid|0", "a|event=read|0", "b|event=paid|0"});

  const Strings keys{"b", "c", "a"};
  CHECK(sink.loaded(keys, "") == std::vector{false, false, true});
  CHECK(sink.loaded(keys, "event=paid") == std::vector{true, false, true});
  CHECK(sink.loaded(keys, "event=closed") == std::vector{false, false, true});
  REQUIRE(sink.begin("d", "") == LoadStart::begun);
  CHECK_THROWS_AS(sink.loaded(keys, ""), std::logic_error);
}

TEST_CASE("a load that is rolled back, or lost with its process, leaves no trace") {
  const Store store;
  SqliteSink sink{store.file};
  write(sink, numbered_batch("before", 1));
  sink.roll_back();
  REQUIRE(sink.begin("a", "") == LoadStart::begun);
  write(sink, numbered_batch("gone", 5'000));
  sink.roll_back();
  CHECK(store.count() == "1");
  {
    SqliteSink crashing{store.file};
    REQUIRE(crashing.begin("a", "") == LoadStart::begun);
    write(crashing, numbered_batch("gone", 5'000));
    CHECK(after_a_kill(store.file, "SELECT count(*) FROM events") == Strings{"1"});
  }
  CHECK(store.count() == "1");
  REQUIRE(sink.begin("a", "") == LoadStart::begun);
  write(sink, numbered_batch("there", 2));
  sink.commit();
  CHECK(store.ledger() == Strings{"a||2"});
  CHECK(store.count() == "3");
}

TEST_CASE("the ledger counts what is there of an object, not what was rejected") {
  const Store store;
  SqliteSink sink{store.file};
  const Batch before = numbered_batch("there", 3);
  write(sink, before);
  Database{store.file}.run(
      "CREATE TRIGGER no_spam BEFORE INSERT ON events WHEN new.event LIKE 'spam%' BEGIN "
      "SELECT RAISE(ABORT, 'no spam here'); END");
  REQUIRE(sink.begin("a", "") == LoadStart::begun);
  write(sink, before);
  const Batch spam = numbered_batch("spam", 2);
  CHECK(write(sink, spam).size() == 2);
  write(sink, numbered_batch("more", 1));
  sink.commit();
  CHECK(store.ledger() == Strings{"a||4"});
  CHECK(store.count() == "4");
}

TEST_CASE("a load that fails is over, and can begin again") {
  const Store store;
  SqliteSink sink{store.file};
  REQUIRE(sink.begin("a", "") == LoadStart::begun);
  write(sink, numbered_batch("gone", 10));
  sink.roll_back();
  Database{store.file}.run(
      "CREATE TRIGGER bad BEFORE INSERT ON events WHEN new.event = 'bad' BEGIN "
      "SELECT RAISE(ROLLBACK, 'bad'); END");
  REQUIRE(sink.begin("a", "") == LoadStart::begun);
  write(sink, numbered_batch("gone", 10));
  CHECK_THROWS_AS(write(sink, batch_of({event_named("bad")})), Error);
  CHECK_THROWS_AS(sink.commit(), std::logic_error);
  CHECK(store.count() == "0");
  REQUIRE(sink.begin("a", "") == LoadStart::begun);
  CHECK_THROWS_AS(sink.begin("b", ""), std::logic_error);
  write(sink, numbered_batch("there", 1));
  sink.commit();
  CHECK(store.ledger() == Strings{"a||1"});
}

TEST_CASE("of two who load the same, one does and the other waits for the outcome") {
  for (const bool commits : {true, false}) {
    CAPTURE(commits);
    const Store store;
    SqliteSink first{store.file};
    REQUIRE(first.begin("0", "") == LoadStart::begun);
    first.commit();
    REQUIRE(first.begin("a", "") == LoadStart::begun);
    bool second_began = false;
    std::thread other{[&] {
      SqliteSink second{store.file, {.timeout = 60s}};
      second_began = second.begin("a", "") == LoadStart::begun;
      if (second_began) {
        write(second, numbered_batch("second", 3));
        second.commit();
      }
    }};
    write(first, numbered_batch("first", 10'000));
    commits ? first.commit() : first.roll_back();
    other.join();
    CHECK(second_began != commits);
    CHECK(store.ledger() == Strings{"0||0", commits ? "a||10000" : "a||3"});
    CHECK(store.count() == (commits ? "10000" : "3"));
  }
}

TEST_CASE("who waits for another load longer than the timeout finds it busy") {
  const Store store;
  SqliteSink first{store.file};
  SqliteSink second{store.file, {.timeout = 500ms}};
  second.maintain();
  REQUIRE(first.begin("a", "") == LoadStart::begun);
  CHECK(second.begin("b", "") == LoadStart::busy);
  CHECK_THROWS_AS(SqliteSink(store.file, {.timeout = 50ms}).begin("b", ""), Error);
  first.commit();
  CHECK(second.begin("b", "") == LoadStart::begun);
  second.commit();
  CHECK(store.ledger() == Strings{"a||0", "b||0"});
}

TEST_CASE("a table of another name has a ledger of its own, made only when it is needed") {
  const Store store;
  SqliteSink sink{store.file, {.table = "shop"}};
  write(sink, numbered_batch("e", 1));
  CHECK(Database{store.file}.query("SELECT name FROM sqlite_schema WHERE type = 'table'") ==
        Strings{"shop"});
  REQUIRE(sink.begin("a", "") == LoadStart::begun);
  sink.commit();
  CHECK(Database{store.file}.value("SELECT events FROM eventcollect_loads_shop") == "0");
  SqliteSink strict{store.file, {.table = "shop", .create = false}};
  CHECK(strict.begin("b", "") == LoadStart::begun);
}

}  // namespace eventcollect::test
