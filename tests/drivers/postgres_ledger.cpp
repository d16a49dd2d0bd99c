// Loads of whole objects into Postgres: all of one or nothing, and each once.
#include <doctest/doctest.h>

#include <future>
#include <stdexcept>
#include <thread>

#include "drivers/postgres_database.hpp"
#include "support/cutting_proxy.hpp"
#include "support/events.hpp"

namespace eventcollect::test {
namespace {

// The ledger's lines as "key selection events".
std::vector<std::string> lines_of_ledger(Corner& corner) {
  return corner.sql.run("SELECT object_key || ' ' || selection || ' ' || events FROM " +
                        corner.ledger + " WHERE loaded_at <= now() ORDER BY 1");
}

void load(LedgerSink& sink, std::string_view key, const std::vector<Batch>& batches) {
  REQUIRE(sink.begin(key, ""));
  for (const Batch& batch : batches) sink.write(batch);
  sink.commit();
}

// Waits until somebody waits for a lock of the ledger.
void wait_for_waiter(Corner& corner) {
  while (corner.sql.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND"
                          " query LIKE '%" +
                          corner.schema + "%'") == "0") {
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("a load is stored as a whole, with its line in the ledger, once") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  for (const char* name : {"POSTGRES", "PGBOUNCER"}) {
    CAPTURE(std::string{name});
    const auto way = service_url(name);
    if (!way) return;
    Corner corner{*server};
    const auto sink = corner.open("", *way);
    REQUIRE(sink->begin("raw/a'b\\.json.gz", ""));
    for (const char* prefix : {"a", "b", "c"}) sink->write(numbered_batch(prefix, 1'000));
    sink->tend();
    CHECK(corner.count() == 0);
    sink->commit();
    CHECK(corner.count() == 3'000);
    CHECK(lines_of_ledger(corner) == std::vector<std::string>{"raw/a'b\\.json.gz  3000"});

    CHECK_FALSE(sink->begin("raw/a'b\\.json.gz", ""));
    CHECK_FALSE(corner.open("", *way)->begin("raw/a'b\\.json.gz", ""));
    CHECK(sink->begin("raw/a'b\\.json.gz", "event=read"));
    sink->commit();
    sink->write(numbered_batch("alone", 1));
    CHECK(corner.count() == 3'001);
    CHECK(lines_of_ledger(corner).size() == 2);
  }
}

TEST_CASE("a load that is rolled back or never ended leaves nothing") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  auto sink = corner.open();
  const Batch batch = numbered_batch("n", 100);
  REQUIRE(sink->begin("a", ""));
  sink->write(batch);
  sink->roll_back();
  sink->roll_back();
  CHECK(corner.count() == 0);
  REQUIRE(sink->begin("a", ""));
  sink->write(batch);
  sink = corner.open();  // as if the program had crashed
  CHECK(corner.count() == 0);
  load(*sink, "a", {batch});
  CHECK(corner.count() == 100);
  CHECK(lines_of_ledger(corner) == std::vector<std::string>{"a  100"});
}

TEST_CASE("begin() and commit() out of turn are errors of the caller") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  const auto sink = corner.open();
  CHECK_THROWS_AS(sink->commit(), std::logic_error);
  REQUIRE(sink->begin("a", ""));
  CHECK_THROWS_AS(sink->begin("b", ""), std::logic_error);
}

TEST_CASE("of two who load the same at once the second waits for the first") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  for (const bool commits : {true, false}) {
    CAPTURE(commits);
    Corner corner{*server};
    const auto first = corner.open();
    const auto second = corner.open("&timeout=60s");
    REQUIRE(first->begin("a", ""));
    first->write(numbered_batch("n", 100));
    auto waiting = std::async(std::launch::async, [&] { return second->begin("a", ""); });
    wait_for_waiter(corner);
    if (commits) {
      first->commit();
    } else {
      first->roll_back();
    }
    CHECK(waiting.get() == !commits);
    second->roll_back();
    CHECK(corner.count() == (commits ? 100 : 0));
  }
}

TEST_CASE("who waits for another's load gives up at the deadline") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  const auto first = corner.open();
  REQUIRE(first->begin("a", ""));
  const auto second = corner.open("&timeout=200ms");
  CHECK(has(failure_of([&] { second->begin("a", ""); }), "unavailable: "));
  CHECK(second->begin("b", ""));
  first->commit();
}

TEST_CASE("a load passes over events that are there, and refuses what the table does") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create("ADD CHECK (event <> 'bad')");
  const Batch there = numbered_batch("there", 200);
  corner.open()->write(there);
  Batch mixed = numbered_batch("new", 300);
  mixed.append(there, 50, 100);
  mixed.append(batch_of({event_named("bad"), event_named("good")}));
  mixed.append(there, 0, 10);
  const auto sink = corner.open();
  REQUIRE(sink->begin("a", ""));
  for (int i = 0; i < 3; ++i) {
    mixed.clear_refusals();
    sink->write(mixed);
    REQUIRE(mixed.refusals().size() == 1);
    CHECK(mixed.refusals()[0].index == 400);
  }
  sink->write(there);
  CHECK(corner.count() == 200);
  sink->commit();
  CHECK(corner.count() == 501);
  CHECK(lines_of_ledger(corner) == std::vector<std::string>{"a  " + std::to_string(3 * 411 + 200)});
}

TEST_CASE("a load that fails is gone, and can be begun again") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  CuttingProxy proxy{"127.0.0.1", port_of(*server)};
  const auto sink = corner.open("", url_through(*server, proxy.port()));
  const std::vector<Batch> batches{numbered_batch("a", 50), numbered_batch("b", 50)};
  sink->tend();
  const std::size_t before = proxy.bytes();
  load(*sink, "measure", batches);
  const std::size_t bytes = proxy.bytes() - before;
  corner.sql.run("TRUNCATE " + corner.table);
  std::size_t in_doubt = 0;
  for (std::size_t cut = 0; cut < bytes; cut += cut + 60 < bytes ? 97 : 1) {
    CAPTURE(cut);
    const std::string key = "object " + std::to_string(cut);
    sink->tend();
    proxy.cut_after(cut);
    const std::string failure = failure_of([&] { load(*sink, key, batches); });
    proxy.cancel_cut();
    if (failure.starts_with("in doubt")) ++in_doubt;
    const bool is_stored = corner.count() == 100;
    REQUIRE((is_stored || corner.count() == 0));
    REQUIRE((is_stored || failure != "none"));
    REQUIRE((!is_stored || !failure.starts_with("unavailable")));
    REQUIRE(corner.open()->begin(key, "") == !is_stored);
    corner.sql.run("TRUNCATE " + corner.table);
  }
  CHECK(in_doubt > 0);
}

TEST_CASE("each table has loads of its own") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  load(*corner.open(), "a", {numbered_batch("n", 1)});
  corner.table = corner.schema + ".clicks";
  load(*corner.open(), "a", {numbered_batch("n", 1)});
  CHECK(corner.count() == 1);
}

}  // namespace eventcollect::test
