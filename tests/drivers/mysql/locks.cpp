// Writers that stand in each other's way, and tables that are locked.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <future>
#include <thread>

#include "drivers/mysql/database.hpp"
#include "support/events.hpp"
#include "support/wait.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {

TEST_CASE("a deadlock runs again, a few times") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  for (const char* often : {"3", "1000"}) {
    MysqlCorner corner{*server};
    corner.create();
    // What counts is not undone with the transaction.
    corner.sql.run(
        "CREATE TABLE " + corner.database + ".tries (n int) ENGINE = MyISAM; INSERT INTO " +
        corner.database + ".tries VALUES (0); CREATE TRIGGER " + corner.database +
        ".fail BEFORE INSERT ON " + corner.table + " FOR EACH ROW BEGIN UPDATE " + corner.database +
        ".tries SET n = n + 1; IF (SELECT n FROM " + corner.database + ".tries) <= " + often +
        " THEN SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = 'again'; END IF; END");
    const std::string failure = failure_of([&] { write(*corner.open(), numbered_batch("n", 10)); });
    CAPTURE(failure);
    CHECK((failure == "none") == (std::string{often} == "3"));
    CHECK((failure == "none" || failure.starts_with("unavailable: ")));
    CHECK(corner.count() == (failure == "none" ? 10 : 0));
  }
}

TEST_CASE("of two who lock the same events in opposite order the sink is the one that runs again") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const Batch batch = numbered_batch("n", 2);
  const auto sink = corner.open("&timeout=60s");
  write(*sink, batch);
  const auto status = [&](const std::string& name) {
    return std::stoi(corner.sql.value(
        "SELECT variable_value FROM information_schema.global_status WHERE variable_name = '" +
        name + "'"));
  };
  const auto lock = [&](const char* name) {
    return "SELECT * FROM " + corner.table + " WHERE event_id = " +
           corner.sql.value("SELECT concat('0x', hex(event_id)) FROM " + corner.table +
                            " WHERE event = '" + name + "'") +
           " FOR UPDATE";
  };
  const std::string first = lock("n0");
  const std::string second = lock("n1");
  const int deadlocks = status("Innodb_deadlocks");
  const int waits = status("Innodb_row_lock_current_waits");
  MysqlClient other{*server};
  // Whoever has changed less is rolled back.
  other.run("CREATE TABLE " + corner.database +
            ".ballast (n int); START TRANSACTION; INSERT INTO " + corner.database +
            ".ballast SELECT seq FROM seq_1_to_1000; " + second);
  auto waiting = std::async(std::launch::async, [&] { write(*sink, batch); });
  wait_until([&] { return status("Innodb_row_lock_current_waits") > waits; });
  other.run(first);
  other.run("COMMIT");
  CHECK(failure_of([&] { waiting.get(); }) == "none");
  CHECK(status("Innodb_deadlocks") == deadlocks + 1);
  CHECK(corner.count() == 2);
}

TEST_CASE("a lock that is not free in time is waited for again") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const Batch batch = numbered_batch("n", 3);
  const auto sink = corner.open("&timeout=20s");
  write(*sink, batch);
  MysqlClient other{*server};
  other.run("START TRANSACTION; SELECT * FROM " + corner.table + " FOR UPDATE");
  auto waiting = std::async(std::launch::async, [&] { write(*sink, batch); });
  const auto rollbacks = [&] {
    return corner.sql.value(
        "SELECT variable_value FROM information_schema.global_status WHERE "
        "variable_name = 'Com_rollback'");
  };
  const std::string before = rollbacks();
  wait_until([&] { return rollbacks() != before; });  // after a quarter of the timeout
  other.run("COMMIT");
  CHECK(failure_of([&] { waiting.get(); }) == "none");
  CHECK(corner.count() == 3);
}

TEST_CASE("a locked table is unavailable until it is free") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create();
  const auto sink = corner.open("&timeout=1s");
  sink->maintain();
  MysqlClient other{*server};
  other.run("LOCK TABLES " + corner.table + " WRITE");
  CHECK(has(failure_of([&] { write(*sink, numbered_batch("n", 3)); }), "unavailable: mysql: "));
  other.run("UNLOCK TABLES");
  const Batch batch = numbered_batch("m", 3);
  wait_until([&] { return failure_of([&] { write(*sink, batch); }) == "none"; });
  CHECK(corner.count("event LIKE 'm%'") == 3);
}

TEST_CASE("writers of the same events in any order do not fail each other") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create();
  const Batch forth = numbered_batch("n", 2'000);
  Batch back;
  for (std::size_t i = forth.size(); i > 0; --i) back.append(forth, i - 1, 1);
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (const Batch* batch : std::array<const Batch*, 4>{&forth, &back, &forth, &back}) {
    threads.emplace_back([&corner, &failures, copy = *batch] {
      const auto sink = corner.open("&timeout=60s");
      if (failure_of([&] { write(*sink, copy); }) != "none") ++failures;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(corner.count() == 2'000);
}

}  // namespace eventcollect::test
