// Many loaders, loaders that are killed, and connections that are cut: each event is there once.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <future>
#include <random>
#include <thread>

#include "drivers/load/databases.hpp"
#include "eventcollect/load.hpp"
#include "support/cutting_proxy.hpp"
#include "support/objects.hpp"
#include "support/seed.hpp"
#include "support/wait.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {

using objects::hourly_folder;
using objects::raw_folder;

namespace {

using Microseconds = std::chrono::microseconds;

constexpr RetryPolicy at_once{.first_wait = std::chrono::milliseconds{1},
                              .max_wait = std::chrono::milliseconds{20},
                              .give_up_after = std::chrono::minutes{2}};

const LoadOptions small_batches{.max_batch_events = 20, .retry = at_once};

// Puts `count` objects of 100 events each, of which half are in the next one, too, and then those
// of every fifth in an hourly one. Returns how many events there are.
std::size_t put_overlapping(ObjectStore& store, int hour, std::size_t count) {
  std::size_t events = 0;
  Batch half = events_of(hour, "e", 50);
  for (std::size_t i = 0; i < count; ++i) {
    Batch batch = half;
    half = events_of(hour, "e", 50);
    batch.append(half);
    const std::string key = put_raw(store, hour, std::to_string(i), batch.ndjson());
    if (i % 5 == 0) put_hourly(store, hour, {key}, {batch});
    events += 50;
  }
  return events + 50;
}

std::size_t objects_in(ObjectStore& store) {
  std::size_t count = 0;
  for (const std::string_view folder : {raw_folder, hourly_folder}) {
    store.list(folder, "", [&](const ObjectInfo&) { return ++count > 0; });
  }
  return count;
}

void load_together(LoadDatabase& database, std::size_t loaders) {
  Objects objects;
  const std::size_t events = put_overlapping(objects.store, 0, 40);
  std::atomic<std::size_t> loaded = 0;
  std::vector<std::future<LoadStatistics>> all;
  all.reserve(loaders);
  for (std::size_t i = 0; i < loaders; ++i) {
    const auto sink = database.open();
    all.push_back(std::async(std::launch::async, [&objects, sink] {
      return load(objects.store, *sink, small_batches);
    }));
  }
  std::string shares;
  for (auto& one : all) {
    const LoadStatistics done = one.get();
    loaded += done.objects;
    CHECK(done.objects_left == 0);
    shares += std::to_string(done.objects) + " (" + std::to_string(done.retries) + " retries) ";
  }
  MESSAGE(shares);
  CHECK(loaded >= 40);
  CHECK(loaded <= objects_in(objects.store));
  CHECK(database.count() == events);
  CHECK(database.ledger().size() == objects_in(objects.store));
}

// Loads in a process of its own, which is killed after `life`. How long it lived, if it was not.
// Counts those that were killed in time.
Microseconds load_and_die(LoadDatabase& database, ObjectStore& store, Microseconds life,
                          std::size_t& killed) {
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    try {
      const auto sink = database.open();
      load(store, *sink, small_batches);
    } catch (...) {
      _exit(1);
    }
    _exit(0);
  }
  if (life.count() > 0) {
    // A random instant is the point: no condition stops the child in the middle of a commit.
    std::this_thread::sleep_for(life);
    kill(child, SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) ++killed;
  REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
  return std::chrono::duration_cast<Microseconds>(std::chrono::steady_clock::now() - begin);
}

}  // namespace

TEST_CASE("loaders side by side load each object and each event once") {
  SUBCASE("postgres") {
    const auto server = service_url("POSTGRES");
    if (!server) return;
    for (const std::size_t loaders : {2U, 5U}) {
      PostgresLoads database{*server};
      load_together(database, loaders);
    }
  }
  SUBCASE("mysql") {
    const auto server = service_url("MYSQL");
    if (!server) return;
    for (const std::size_t loaders : {2U, 5U}) {
      MysqlLoads database{*server};
      load_together(database, loaders);
    }
  }
  SUBCASE("sqlite") {
    SqliteLoads database;
    load_together(database, 4);
  }
}

TEST_CASE("an object that somebody else is loading is left to the end, and waited for") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  for (const bool commits : {true, false}) {
    CAPTURE(commits);
    PostgresLoads database{*server};
    Objects objects;
    Strings keys;
    for (const char* name : {"1", "2", "3"}) {
      keys.push_back(put_raw(objects.store, 0, name, events_of(0, name, 10).ndjson()));
    }
    const auto other = database.open();
    REQUIRE(other->begin(keys[0], "") == LoadStart::begun);
    auto loading =
        std::async(std::launch::async, [&] { return load(objects.store, *database.open()); });
    wait_until([&] { return database.ledger().size() >= 2; });
    CHECK(database.names() == Strings{"2 10", "3 10"});
    commits ? other->commit() : other->roll_back();
    const LoadStatistics done = loading.get();
    CHECK(done.objects == (commits ? 2 : 3));
    CHECK(done.objects_skipped == (commits ? 1 : 0));
    CHECK(database.ledger().size() == 3);
  }
}

TEST_CASE("loads that wait for each other's events in a circle both come to their end") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  PostgresLoads database{*server};
  Objects objects;
  const Batch first = events_of(0, "first", 10);
  const Batch second = events_of(0, "second", 10);
  put_raw(objects.store, 0, "1", std::string{first.ndjson()} + std::string{second.ndjson()});
  const auto other = database.open();
  REQUIRE(other->begin("other", "") == LoadStart::begun);
  write(*other, second);
  auto loading = std::async(std::launch::async, [&] {
    const auto sink = database.open();
    return load(objects.store, *sink, {.max_batch_events = 10, .retry = at_once});
  });
  wait_until([&] {
    return database.query("SELECT count(*) FROM pg_locks WHERE NOT granted").at(0) != "0";
  });
  // Whom of the two the server chooses does not matter.
  const std::string failure = failure_of([&] {
    write(*other, first);
    other->commit();
  });
  CHECK((failure == "none" || has(failure, "unavailable: ")));
  const LoadStatistics done = loading.get();
  CHECK(done.objects == 1);
  CHECK(done.events == 20);
  CHECK(done.retries == (failure == "none" ? 1 : 0));
  CHECK(database.names() == Strings{"first 10", "second 10"});
}

TEST_CASE("a loader that is killed at any instant loses and repeats nothing") {
  with_databases([](LoadDatabase& database) {
    std::mt19937_64 random{seed()};
    Objects objects;
    std::size_t events = put_overlapping(objects.store, 0, 10);
    std::size_t killed = 0;
    const auto whole = load_and_die(database, objects.store, {}, killed);
    for (int hour = 1; hour <= 25; ++hour) {
      events += put_overlapping(objects.store, hour, 10);
      const auto instants = static_cast<std::uint64_t>(whole.count());
      load_and_die(database, objects.store, Microseconds{1 + random() % instants}, killed);
    }
    const LoadStatistics rest = load(objects.store, *database.open(), small_batches);
    MESSAGE(killed << " were killed in time, " << rest.objects << " objects were left");
    CHECK(killed > 0);
    CHECK(database.count() == events);
    CHECK(database.ledger().size() == objects_in(objects.store));
    CHECK(load(objects.store, *database.open()).objects == 0);
  });
}

TEST_CASE("a connection that is cut at a random byte of a load loses and repeats nothing") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  std::mt19937_64 random{seed()};
  PostgresLoads database{*server};
  CuttingProxy proxy{"127.0.0.1", port_of(*server)};
  Objects objects;
  const std::size_t events = put_overlapping(objects.store, 0, 4);
  const auto open = [&] { return database.corner.open("", url_through(*server, proxy.port())); };
  const auto sink = open();
  sink->loaded(Strings{"none"}, "");
  const std::size_t before = proxy.bytes();
  load(objects.store, *sink, small_batches);
  const std::size_t bytes = proxy.bytes() - before;
  std::size_t in_doubt = 0;
  for (int round = 0; round < 60; ++round) {
    database.query("TRUNCATE {events}");
    database.query("TRUNCATE {ledger}");
    LoadOptions options = small_batches;
    options.on_failure = [&](const std::exception& error, auto) {
      const auto* failure = dynamic_cast<const Error*>(&error);
      if (failure != nullptr && failure->kind() == Error::in_doubt) ++in_doubt;
    };
    proxy.cut_after(random() % bytes);
    const LoadStatistics done = load(objects.store, *sink, options);
    proxy.cancel_cut();
    REQUIRE(database.count() == events);
    REQUIRE(database.ledger().size() == 5);
    REQUIRE(done.objects == 4);  // the hourly one is passed over
    REQUIRE(done.objects_skipped == 1);
    REQUIRE(done.events == 400);
  }
  CHECK(proxy.cuts() >= 50);
  MESSAGE(in_doubt << " commits were in doubt");
}

TEST_CASE("a commit in doubt is settled by the ledger, and counted once") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  PostgresLoads database{*server};
  CuttingProxy proxy{"127.0.0.1", port_of(*server)};
  const auto sink = database.corner.open("", url_through(*server, proxy.port()));
  Objects objects;
  put_raw(objects.store, 0, "1", events_of(0, "a", 10).ndjson());
  load(objects.store, *sink);
  const auto again = [&] {
    database.query("TRUNCATE {events}");
    database.query("TRUNCATE {ledger}");
    const std::size_t before = proxy.bytes();
    const LoadStatistics done = load(objects.store, *sink, small_batches);
    return std::pair{done, proxy.bytes() - before};
  };
  const std::size_t bytes = again().second;
  for (const std::size_t left : {1U, 9U, 17U}) {
    CAPTURE(left);
    proxy.cut_after(bytes - left);  // in the answer to COMMIT
    const LoadStatistics done = again().first;
    CHECK(done.retries == 1);
    CHECK(done.objects == 1);
    CHECK(done.objects_skipped == 0);
    CHECK(done.events == 10);
    CHECK(database.count() == 10);
  }
}

TEST_CASE("an hourly object that is passed over in doubt is passed over, not loaded") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  PostgresLoads database{*server};
  CuttingProxy proxy{"127.0.0.1", port_of(*server)};
  const auto sink = database.corner.open("", url_through(*server, proxy.port()));
  Objects objects;
  put_overlapping(objects.store, 0, 4);
  const LoadStatistics first = load(objects.store, *sink, small_batches);
  CHECK(first.objects == 4);
  CHECK(first.objects_skipped == 1);
  const auto again = [&] {
    database.query("DELETE FROM {ledger} WHERE object_key LIKE 'hourly/%'");
    const std::size_t before = proxy.bytes();
    const LoadStatistics done = load(objects.store, *sink, small_batches);
    return std::pair{done, proxy.bytes() - before};
  };
  const std::size_t bytes = again().second;
  proxy.cut_after(bytes - 9);  // in the answer to COMMIT
  const LoadStatistics done = again().first;
  CHECK(done.retries == 1);
  CHECK(done.objects == 0);
  CHECK(done.objects_skipped == 5);
}

}  // namespace eventcollect::test
