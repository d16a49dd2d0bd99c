// Loads of what is damaged, rejected, taken away or too late.
#include <doctest/doctest.h>

#include <stop_token>

#include "drivers/load/databases.hpp"
#include "eventcollect/load.hpp"
#include "support/objects.hpp"
#include "support/scripted_sink.hpp"

namespace eventcollect::test {

using objects::hourly_folder;

namespace {

constexpr RetryPolicy at_once{.first_wait = std::chrono::milliseconds{1},
                              .max_wait = std::chrono::milliseconds{5},
                              .give_up_after = std::chrono::seconds{60}};

// Dead letters in memory: each as its line.
struct Letters {
  std::shared_ptr<ScriptedSink> sink = std::make_shared<ScriptedSink>();
  Strings lines{};

  Letters() {
    sink->always = [this](const Batch& batch, Rejections&) {
      for (const Event& event : batch) lines.emplace_back(event.line);
    };
  }

  std::size_t count(std::string_view part) const {
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(),
        [&](const std::string& line) { return line.find(part) != std::string::npos; }));
  }
};

// Makes any of the databases reject events of the name "bad".
void reject_bad(LoadDatabase& database) {
  if (dynamic_cast<SqliteLoads*>(&database) != nullptr) {
    database.query(
        "CREATE TRIGGER no_bad BEFORE INSERT ON {events} WHEN new.event = 'bad' BEGIN "
        "SELECT RAISE(ABORT, 'bad'); END");
  } else {
    database.query("ALTER TABLE {events} ADD CHECK (event <> 'bad')");
  }
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("rejected and unreadable events are dead letters before their object counts as loaded") {
  with_databases([](LoadDatabase& database) {
    reject_bad(database);
    Objects objects;
    Batch batch = events_of(0, "good", 25);
    batch.append(events_of(0, "bad", 2));
    batch.append(events_of(0, "good", 25));
    put_raw(objects.store, 0, "1", std::string{batch.ndjson()} + "no event\n");
    Letters letters;
    std::size_t loaded_before = 1;
    letters.sink->steps.push_back(
        [&](const Batch&, Rejections&) { loaded_before = database.count(); });
    const auto sink = database.open();
    const LoadOptions options{.max_batch_events = 10, .dead_letter = letters.sink};
    const auto done = load(objects.store, *sink, options);
    CHECK(loaded_before == 0);
    CHECK(letters.sink->writes == 1);
    CHECK(letters.count("sink.rejected") == 2);
    CHECK(letters.count("no event") == 1);
    CHECK(done.events == 50);
    CHECK(done.rejected == 2);
    CHECK(done.unreadable == 1);
    CHECK(database.names() == Strings{"good 50"});
    load(objects.store, *sink, options);
    CHECK(letters.lines.size() == 3);
  });
}

TEST_CASE("without a place for dead letters the first of them ends the load, and nothing is kept") {
  with_databases([](LoadDatabase& database) {
    reject_bad(database);
    const auto sink = database.open();
    for (const char* line : {"no event\n", ""}) {
      Objects objects;
      Batch batch = events_of(0, "good", 25);
      if (*line == '\0') batch.append(events_of(0, "bad", 1));
      put_raw(objects.store, 0, "1", std::string{batch.ndjson()} + line);
      // Also where somebody waits for all to be mended.
      RetryPolicy patient = at_once;
      patient.retry_misconfigured = true;
      CHECK_THROWS_AS(load(objects.store, *sink, {.max_batch_events = 10, .retry = patient}),
                      Error);
      CHECK(database.count() == 0);
      CHECK(sink->loaded(Strings{"raw/dt=2030-01-01/hour=00/1.json.gz"}, "") == std::vector{false});
    }
  });
}

TEST_CASE("dead letters that cannot be written end the load, and nothing is kept") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    put_raw(objects.store, 0, "1", std::string{events_of(0, "good", 5).ndjson()} + "no event\n");
    Letters letters;
    letters.sink->steps = {fail(Error::unavailable)};
    const auto sink = database.open();
    const LoadOptions options{.dead_letter = letters.sink, .retry = at_once};
    CHECK(has(message_of([&] { load(objects.store, *sink, options); }), "dead letters"));
    CHECK(letters.sink->writes == 1);
    CHECK(database.count() == 0);
    CHECK(load(objects.store, *sink, options).events == 5);
  });
}

TEST_CASE("a sink that rejects all of it is stopped before everything is a dead letter") {
  with_databases([](LoadDatabase& database) {
    reject_bad(database);
    Objects objects;
    // 45 in each of two objects are not enough, the third is.
    for (const char* name : {"1", "2", "3", "4"}) {
      put_raw(objects.store, 0, name, events_of(0, "bad", 45).ndjson());
    }
    Letters letters;
    const auto sink = database.open();
    const LoadOptions options{.dead_letter = letters.sink};
    CHECK(has(message_of([&] { load(objects.store, *sink, options); }), "the last 135 events"));
    CHECK(letters.lines.size() == 90);
    CHECK(database.ledger().size() == 2);
  });
}

TEST_CASE("of a damaged object is loaded what can be read, once, and a letter says so") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    const std::string key = put_raw(objects.store, 0, "1", "");
    const std::string whole = gzipped(events_of(0, "a", 1'000).ndjson());
    objects.store.put(key, whole.substr(0, whole.size() / 2));
    objects.store.put("raw/dt=2030-01-01/hour=00/2.json.gz", "no gzip");
    Letters letters;
    const auto sink = database.open();
    const LoadOptions options{.max_batch_events = 100, .dead_letter = letters.sink};
    const auto done = load(objects.store, *sink, options);
    CHECK(done.objects == 2);
    CHECK(done.damaged_objects == 2);
    CHECK(done.events > 100);
    CHECK(done.events < 1'000);
    CHECK(database.count() == done.events);
    CHECK(letters.count("\"object.damaged\"") == 2);
    CHECK(letters.count(key) == 1);
    CHECK(letters.lines.size() == 2);
    CHECK(load(objects.store, *sink, options).objects_skipped == 2);
  });
}

TEST_CASE("a raw object that is compacted away while loading is loaded as what it became") {
  with_databases([](LoadDatabase& database) {
    for (const char* moment : {"between the two lists", "at the first read", "midway"}) {
      CAPTURE(std::string{moment});
      database.query("DELETE FROM {events}");
      Objects objects;
      const Batch events[] = {events_of(0, "a", 100), events_of(0, "b", 100)};
      const Strings raws{put_raw(objects.store, 0, "1", events[0].ndjson()),
                         put_raw(objects.store, 0, "2", events[1].ndjson())};
      bool is_compacted = false;
      const auto compact = [&] {
        if (std::exchange(is_compacted, true)) return;
        put_hourly(objects.store, 0, raws, {events[0], events[1]});
        for (const std::string& raw : raws) objects.store.remove(raw);
      };
      WatchedStore watched{objects.store};
      std::size_t lists = 0;
      watched.on_list = [&](std::string_view) {
        if (*moment == 'b' && ++lists == 2) compact();
      };
      watched.on_get = [&](std::string_view) {
        if (*moment == 'a') compact();
      };
      watched.on_read = [&](std::string_view key, std::size_t bytes) {
        if (*moment != 'm' || bytes == 0 || key.starts_with(hourly_folder)) return;
        compact();
        throw Error{Error::misconfigured, "it is not there any more"};
      };
      std::vector<std::string> failures;
      const auto sink = database.open();
      const auto done = load(watched, *sink,
                             {.max_batch_events = 10,
                              .retry = at_once,
                              .on_failure = [&](const std::exception& error, auto) {
                                failures.emplace_back(error.what());
                              }});
      CHECK(is_compacted);
      CHECK(failures.empty());
      CHECK(database.names() == Strings{"a 100", "b 100"});
      CHECK(done.events == 200);
      CHECK(done.objects == 2);
      CHECK(done.objects_left == 0);
      database.query("DELETE FROM {ledger}");
    }
  });
}

TEST_CASE("a store that fails is read again, from the beginning of the object") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    for (const char* name : {"1", "2"}) {
      put_raw(objects.store, 0, name, events_of(0, name, 500).ndjson());
    }
    WatchedStore watched{objects.store};
    std::size_t failures_left = 6;
    const auto sometimes = [&] {
      if (failures_left == 0 || --failures_left % 2 == 0) return;
      throw Error{Error::unavailable, "slow down"};
    };
    watched.on_list = [&](std::string_view) { sometimes(); };
    watched.on_get = [&](std::string_view) { sometimes(); };
    watched.on_read = [&](std::string_view, std::size_t bytes) {
      if (bytes > 1'000) sometimes();
    };
    std::size_t reported = 0;
    const auto done = load(watched, *database.open(),
                           {.max_batch_events = 50,
                            .retry = at_once,
                            .on_failure = [&](const std::exception&, auto) { ++reported; }});
    CHECK(failures_left == 0);
    CHECK(done.retries == 3);
    CHECK(reported == 3);
    CHECK(done.events == 1'000);
    CHECK(database.names() == Strings{"1 500", "2 500"});
  });
}

TEST_CASE("what only somebody can mend is thrown at once") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    put_raw(objects.store, 0, "1", events_of(0, "a", 5).ndjson());
    database.query("ALTER TABLE {events} DROP COLUMN url");
    CHECK(has(message_of([&] { load(objects.store, *database.open()); }), "no column url"));
    WatchedStore watched{objects.store};
    watched.on_list = [](std::string_view) {
      throw Error{Error::misconfigured, "there is no such bucket"};
    };
    CHECK(message_of([&] { load(watched, *database.open()); }) != "none");
  });
}

TEST_CASE("a load that is stopped leaves nothing of the object at hand, and goes on later") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    for (const char* name : {"1", "2", "3"}) {
      put_raw(objects.store, 0, name, events_of(0, name, 100).ndjson());
    }
    std::stop_source stop;
    const auto sink = database.open();
    const auto done = load(objects.store, *sink,
                           {.max_batch_events = 10,
                            .on_progress =
                                [&](const LoadStatistics& now) {
                                  if (now.events == 150) stop.request_stop();
                                }},
                           stop.get_token());
    CHECK(done.objects == 1);
    CHECK(done.events == 100);
    CHECK(done.objects_left == 2);
    CHECK(database.names() == Strings{"1 100"});
    CHECK(load(objects.store, *sink).events == 200);
  });
}

TEST_CASE("while it loads it tells how far it has come") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    std::uint64_t bytes = 0;
    for (const char* name : {"1", "2", "3"}) {
      put_raw(objects.store, 0, name, events_of(0, name, 100).ndjson());
    }
    objects.store.list("", "", [&](const ObjectInfo& object) {
      bytes += object.bytes;
      return true;
    });
    std::vector<LoadStatistics> told;
    load(objects.store, *database.open(),
         {.max_batch_events = 50, .on_progress = [&](auto& now) { told.push_back(now); }});
    REQUIRE(told.size() == 1 + 3 * 3);
    CHECK(told.front().objects_left == 3);
    CHECK(told.front().bytes_left == bytes);
    for (std::size_t i = 1; i < told.size(); ++i) {
      CHECK(told[i].bytes_left <= told[i - 1].bytes_left);
      CHECK(told[i].events >= told[i - 1].events);
    }
    CHECK(told.back().objects_left == 0);
    CHECK(told.back().bytes_left == 0);
    CHECK(told.back().bytes == bytes);
  });
}

}  // namespace eventcollect::test
