// Loads of whole objects into MariaDB: all of one or nothing, and each once.
#include <doctest/doctest.h>

#include <future>
#include <stdexcept>

#include "drivers/mysql/database.hpp"
#include "support/cutting_proxy.hpp"
#include "support/events.hpp"
#include "support/wait.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

// The ledger's lines as "key selection events".
std::vector<std::string> lines_of_ledger(MysqlCorner& corner) {
  return corner.sql.run("SELECT concat(object_key, ' ', selection, ' ', events) FROM " +
                        corner.ledger + " WHERE loaded_at <= now(3) ORDER BY 1");
}

void load(LedgerSink& sink, std::string_view key, const std::vector<Batch>& batches) {
  REQUIRE(sink.begin(key, "") == LoadStart::begun);
  for (const Batch& batch : batches) write(sink, batch);
  sink.commit();
}

}  // namespace

TEST_CASE("a load is stored as a whole, with its line in the ledger, once") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const auto sink = corner.open();
  REQUIRE(sink->begin("raw/a'b\\.json.gz", "") == LoadStart::begun);
  for (const char* prefix : {"a", "b", "c"}) write(*sink, numbered_batch(prefix, 1'000));
  sink->maintain();
  CHECK(corner.count() == 0);
  sink->commit();
  CHECK(corner.count() == 3'000);
  CHECK(lines_of_ledger(corner) == std::vector<std::string>{"raw/a'b\\.json.gz  3000"});

  CHECK(sink->begin("raw/a'b\\.json.gz", "") == LoadStart::loaded);
  CHECK(corner.open()->begin("raw/a'b\\.json.gz", "") == LoadStart::loaded);
  write(*sink, numbered_batch("alone", 1));
  CHECK(corner.count() == 3'001);
  CHECK(lines_of_ledger(corner).size() == 1);
}

TEST_CASE("a load that is rolled back or never ended leaves nothing") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  auto sink = corner.open();
  const Batch batch = numbered_batch("n", 100);
  REQUIRE(sink->begin("a", "") == LoadStart::begun);
  write(*sink, batch);
  sink->roll_back();
  sink->roll_back();
  CHECK(corner.count() == 0);
  REQUIRE(sink->begin("a", "") == LoadStart::begun);
  write(*sink, batch);
  sink = corner.open();  // as if the program had crashed
  CHECK(corner.count() == 0);
  load(*sink, "a", {batch});
  CHECK(corner.count() == 100);
  CHECK(lines_of_ledger(corner) == std::vector<std::string>{"a  100"});
}

TEST_CASE("begin() and commit() out of turn are errors of the caller") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const auto sink = corner.open();
  CHECK_THROWS_AS(sink->commit(), std::logic_error);
  REQUIRE(sink->begin("a", "") == LoadStart::begun);
  CHECK_THROWS_AS(sink->begin("b", ""), std::logic_error);
}

TEST_CASE("of two who load the same at once the second finds it busy, and goes on with another") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  for (const bool commits : {true, false}) {
    CAPTURE(commits);
    MysqlCorner corner{*server};
    const auto first = corner.open();
    const auto second = corner.open();
    REQUIRE(first->begin("a", "") == LoadStart::begun);
    write(*first, numbered_batch("n", 100));
    CHECK(second->begin("a", "") == LoadStart::busy);
    load(*second, "b", {numbered_batch("m", 10)});
    CHECK(second->loaded(std::vector<std::string>{"a", "b"}, "") == std::vector{false, true});
    if (commits) {
      first->commit();
    } else {
      first->roll_back();
    }
    CHECK(second->begin("a", "") == (commits ? LoadStart::loaded : LoadStart::begun));
    second->roll_back();
    CHECK(corner.count() == (commits ? 110 : 10));
  }
}

TEST_CASE("a load waits for other locks than the ledger's as long as any write") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create();
  const auto sink = corner.open();
  REQUIRE(sink->begin("a", "") == LoadStart::begun);
  MysqlClient other{*server};
  const Batch batch = numbered_batch("n", 1);
  const auto writer = corner.open();
  write(*writer, batch);
  other.run("START TRANSACTION; SELECT * FROM " + corner.table + " FOR UPDATE");
  auto waiting = std::async(std::launch::async, [&] { write(*sink, batch); });
  // The wait for a line of the ledger, which lasts a second, would be over by then. (The server's
  // list of transactions would do as well, but it stays as it is while it is read without a pause.)
  wait_until([&] {
    return corner.sql.value(
               "SELECT count(*) FROM information_schema.processlist WHERE info LIKE "
               "'INSERT INTO `" +
               corner.database + "`%' AND time_ms > 2000") != "0";
  });
  other.run("COMMIT");
  waiting.get();
  sink->commit();
  CHECK(corner.count() == 1);
}

TEST_CASE("a part of an object is loaded once, and not at all after the whole") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const auto sink = corner.open();
  for (const char* selection : {"event=read", "event=paid", ""}) {
    REQUIRE(sink->begin("a", selection) == LoadStart::begun);
    sink->commit();
    CHECK(sink->begin("a", selection) == LoadStart::loaded);
  }
  CHECK(sink->begin("a", "event=closed") == LoadStart::loaded);
  CHECK(lines_of_ledger(corner).size() == 3);
}

TEST_CASE("the ledger is asked for thousands of objects at once") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const auto sink = corner.open();
  CHECK(sink->loaded({}, "").empty());
  std::vector<std::string> keys;
  std::vector<bool> whole;
  std::vector<bool> some;
  for (int i = 0; i < 2'500; ++i) {
    keys.push_back("raw/{\"a'\\,NULL " + std::to_string(i));
    whole.push_back(i % 1'000 == 7);
    some.push_back(i % 500 == 7);
    if (!some.back()) continue;
    REQUIRE(sink->begin(keys.back(), whole.back() ? "" : "event=read") == LoadStart::begun);
    sink->commit();
  }
  CHECK(sink->loaded(keys, "") == whole);
  CHECK(sink->loaded(keys, "event=read") == some);
  CHECK(sink->loaded(keys, "event=paid") == whole);
  REQUIRE(sink->begin("b", "") == LoadStart::begun);
  CHECK_THROWS_AS(sink->loaded(keys, ""), std::logic_error);
}

TEST_CASE("the ledger is asked for no more objects at once than a packet has room for") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const GlobalSetting small{*server, "max_allowed_packet", "65536"};
  const auto sink = corner.open();
  std::vector<std::string> keys;
  for (int i = 0; i < 300; ++i) keys.push_back(std::to_string(i) + std::string(1'000, '\''));
  load(*sink, keys.at(290), {});
  std::vector<bool> expected(keys.size());
  expected.at(290) = true;
  CHECK(sink->loaded(keys, "") == expected);
}

TEST_CASE("a load passes over events that are there, and rejects what the table does") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create("ADD CHECK (event <> 'bad')");
  const Batch there = numbered_batch("there", 200);
  write(*corner.open(), there);
  Batch mixed = numbered_batch("new", 300);
  mixed.append(there, 50, 100);
  mixed.append(batch_of({event_named("bad"), event_named("good")}));
  mixed.append(there, 0, 10);
  const auto sink = corner.open();
  REQUIRE(sink->begin("a", "") == LoadStart::begun);
  for (int i = 0; i < 3; ++i) {
    const Rejections rejections = write(*sink, mixed);
    REQUIRE(rejections.size() == 1);
    CHECK(rejections[0].index == 400);
  }
  write(*sink, there);
  CHECK(corner.count() == 200);
  sink->commit();
  CHECK(corner.count() == 501);
  CHECK(lines_of_ledger(corner) == std::vector<std::string>{"a  " + std::to_string(3 * 411 + 200)});
}

TEST_CASE("a load that fails is gone, and can be begun again") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  CuttingProxy proxy{"127.0.0.1", port_of(*server)};
  load(*corner.open(), "makes the tables", {});
  const auto sink = corner.open("", url_through(*server, proxy.port()));
  const std::vector<Batch> batches{numbered_batch("a", 50), numbered_batch("b", 50)};
  sink->maintain();
  const std::size_t before = proxy.bytes();
  load(*sink, "measure", batches);
  const std::size_t bytes = proxy.bytes() - before;
  corner.sql.run("TRUNCATE " + corner.table);
  std::size_t in_doubt = 0;
  for (std::size_t cut = 0; cut < bytes; cut += cut + 60 < bytes ? 97 : 1) {
    CAPTURE(cut);
    const std::string key = "object " + std::to_string(cut);
    sink->maintain();
    proxy.cut_after(cut);
    const std::string failure = failure_of([&] { load(*sink, key, batches); });
    proxy.cancel_cut();
    if (failure.starts_with("in doubt")) ++in_doubt;
    const bool is_stored = corner.count() == 100;
    REQUIRE((is_stored || corner.count() == 0));
    REQUIRE((is_stored || failure != "none"));
    REQUIRE((!is_stored || !failure.starts_with("unavailable")));
    // The server may not have noticed yet that whom it lends the lock is gone.
    LoadStart start = LoadStart::busy;
    wait_until([&] {
      start = corner.open()->begin(key, "");
      return start != LoadStart::busy;
    });
    REQUIRE(start == (is_stored ? LoadStart::loaded : LoadStart::begun));
    corner.sql.run("TRUNCATE " + corner.table);
  }
  CHECK(in_doubt > 0);
}

TEST_CASE("each table has loads of its own") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  load(*corner.open(), "a", {numbered_batch("n", 1)});
  corner.table = corner.database + ".clicks";
  load(*corner.open(), "a", {numbered_batch("n", 1)});
  CHECK(corner.count() == 1);
}

}  // namespace eventcollect::test
