// Loads of objects into real databases: each event once, whatever is loaded again.
#include "eventcollect/load.hpp"

#include <doctest/doctest.h>

#include "drivers/load/databases.hpp"
#include "support/objects.hpp"

namespace eventcollect::test {

TEST_CASE("what was loaded is loaded once, also by the next who tries") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    const Batch first = events_of(0, "a", 25);
    put_raw(objects.store, 0, "1", first.ndjson());
    put_raw(objects.store, 1, "2", events_of(1, "b", 3).ndjson());
    const auto sink = database.open();
    const auto done = load(objects.store, *sink, {.max_batch_events = 10});
    CHECK(done.objects == 2);
    CHECK(done.events == 28);
    CHECK(done.bytes > 0);
    CHECK(database.names() == Strings{"a 25", "b 3"});
    const Strings ledger = database.ledger();
    CHECK(ledger == Strings{"raw/dt=2030-01-01/hour=00/1.json.gz||25",
                            "raw/dt=2030-01-01/hour=01/2.json.gz||3"});

    for (const auto& again : {sink, database.open()}) {
      WatchedStore watched{objects.store};
      const auto nothing = load(watched, *again);
      CHECK(nothing.objects == 0);
      CHECK(nothing.objects_skipped == 2);
      CHECK(watched.gets.empty());
    }
    put_raw(objects.store, 1, "0", events_of(1, "late", 2).ndjson());
    CHECK(load(objects.store, *sink).objects == 1);
    CHECK(database.names() == Strings{"a 25", "b 3", "late 2"});
  });
}

TEST_CASE("an object is loaded that is empty, or whose events are all there already") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    const Batch batch = events_of(0, "a", 30);
    put_raw(objects.store, 0, "1", batch.ndjson());
    put_raw(objects.store, 0, "2", batch.ndjson());
    put_raw(objects.store, 0, "3", "");
    Batch half = events_of(0, "b", 10);
    half.append(batch);
    half.append(events_of(0, "b", 10));
    put_raw(objects.store, 0, "4", half.ndjson());
    CHECK(load(objects.store, *database.open(), {.max_batch_events = 7}).objects == 4);
    CHECK(database.names() == Strings{"a 30", "b 20"});
    CHECK(database.ledger().size() == 4);
  });
}

TEST_CASE("a load of some events hides none of the others from a later one") {
  const auto some = [](Strings events) { return LoadOptions{.events = std::move(events)}; };
  with_databases([&](LoadDatabase& database) {
    Objects objects;
    Batch batch = events_of(0, "read", 10);
    batch.append(events_of(0, "paid", 20));
    batch.append(events_of(0, "read", 5));
    batch.append(events_of(0, "50%&", 1));
    const std::string key = put_raw(objects.store, 0, "1", batch.ndjson());
    const auto sink = database.open();

    const auto paid = load(objects.store, *sink, some({"paid", "paid", "nothing"}));
    CHECK(paid.events == 20);
    CHECK(paid.events_passed_over == 16);
    CHECK(database.names() == Strings{"paid 20"});
    CHECK(load(objects.store, *sink, some({"nothing", "paid"})).objects_skipped == 1);
    CHECK(load(objects.store, *sink, some({"read", "paid"})).events == 35);
    CHECK(load(objects.store, *sink, some({"50%&"})).events == 1);
    CHECK(database.names() == Strings{"50%& 1", "paid 20", "read 15"});
    CHECK(load(objects.store, *sink).objects == 1);
    CHECK(database.names() == Strings{"50%& 1", "paid 20", "read 15"});
    CHECK(load(objects.store, *sink, some({"read"})).objects_skipped == 1);
    CHECK(database.ledger() == Strings{key + "|event=50%25%26|1",
                                       key + "|event=nothing&event=paid|20",
                                       key + "|event=paid&event=read|35", key + "||36"});
  });
}

TEST_CASE("only the hours are looked at that somebody wants") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    for (const int hour : {-25, -1, 0, 1, 22, 23, 24, 25, 800}) {
      put_raw(objects.store, hour, "1", events_of(hour, "h" + std::to_string(hour), 1).ndjson());
      put_hourly(objects.store, hour, {}, {events_of(hour, "c" + std::to_string(hour), 1)});
    }
    objects.store.put("raw/dt=2030-01-01/hour=00/notes.txt", "no events");
    objects.store.put("raw/notes.json.gz", "no hour's");
    const auto sink = database.open();
    WatchedStore watched{objects.store};
    Strings listed;
    watched.on_listed = [&](const ObjectInfo& object) { listed.push_back(object.key); };
    CHECK(load(watched, *sink, {.since = hour_number(0), .until = hour_number(24)}).objects == 8);
    CHECK(listed.size() == 2 * 4 + 1 + 2);  // and one at each end, that says stop
    CHECK(database.names() ==
          Strings{"c0 1", "c1 1", "c22 1", "c23 1", "h0 1", "h1 1", "h22 1", "h23 1"});
    CHECK(load(watched, *sink, {.until = hour_number(0)}).objects == 4);
    CHECK(load(watched, *sink, {.since = hour_number(25)}).objects == 4);
    CHECK(load(watched, *sink).objects == 2);
    CHECK(database.count() == 18);
  });
}

TEST_CASE("an hourly object is passed over where the raw ones of its plan were loaded") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    const Batch events[] = {events_of(0, "a", 10), events_of(0, "b", 10)};
    const Strings raws{put_raw(objects.store, 0, "1", events[0].ndjson()),
                       put_raw(objects.store, 0, "2", events[1].ndjson())};
    const auto sink = database.open();
    load(objects.store, *sink);
    put_hourly(objects.store, 0, raws, {events[0], events[1]});
    for (const std::string& raw : raws) objects.store.remove(raw);

    WatchedStore watched{objects.store};
    CHECK(load(watched, *sink).objects_skipped == 2);
    CHECK(watched.gets == Strings{"plans/dt=2030-01-01/hour=00/0001.json"});
    CHECK(database.ledger().size() == 4);
    CHECK(load(watched, *sink).objects_skipped == 2);
    CHECK(watched.gets.size() == 1);
    CHECK(load(watched, *sink, {.events = {"a"}}).objects_skipped == 2);
    CHECK(watched.gets.size() == 1);
  });
}

TEST_CASE("an hourly object is loaded where not all of its plan was, or nobody knows") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    const auto sink = database.open();
    const Batch batch = events_of(0, "a", 10);
    const std::string raw = put_raw(objects.store, 0, "1", batch.ndjson());
    load(objects.store, *sink, {.events = {"a"}});

    // Not whole; one raw object unknown; a plan of another id; no plan; one that is none.
    put_hourly(objects.store, 0, {raw}, {events_of(0, "whole", 1)});
    objects.store.remove(raw);
    put_hourly(objects.store, 1, {"raw/dt=2030-01-01/hour=01/x.json.gz"},
               {events_of(1, "unknown", 1)});
    put_hourly(objects.store, 2, {}, {events_of(2, "empty", 1)});
    put_hourly(objects.store, 3, {}, {events_of(3, "other", 1)});
    put_hourly(objects.store, 3, {}, {events_of(3, "newer", 1)});
    put_hourly(objects.store, 4, {}, {events_of(4, "missing", 1)});
    objects.store.remove("plans/dt=2030-01-01/hour=04/0001.json");
    put_hourly(objects.store, 5, {}, {events_of(5, "damaged", 1)});
    objects.store.put("plans/dt=2030-01-01/hour=05/0001.json", "{\"plan\":");
    objects.store.put("hourly/dt=2030-01-01/hour=06/by-hand.json.gz",
                      gzipped(events_of(6, "by hand", 1).ndjson()));
    CHECK(load(objects.store, *sink).objects == 8);
    CHECK(database.names() == Strings{"a 10", "by hand 1", "damaged 1", "empty 1", "missing 1",
                                      "newer 1", "other 1", "unknown 1", "whole 1"});
  });
}

TEST_CASE("a part of a plan counts as loaded for the same part of what it became") {
  with_databases([](LoadDatabase& database) {
    Objects objects;
    const auto sink = database.open();
    const Batch batch = events_of(0, "a", 10);
    const Batch other = events_of(0, "b", 10);
    const Strings raws{put_raw(objects.store, 0, "1", batch.ndjson()),
                       put_raw(objects.store, 0, "2", other.ndjson())};
    load(objects.store, *sink, {.events = {"a"}});
    const Strings hourly = put_hourly(objects.store, 0, raws, {batch, other});
    for (const std::string& raw : raws) objects.store.remove(raw);
    CHECK(load(objects.store, *sink, {.events = {"a"}}).objects_skipped == 2);
    CHECK(load(objects.store, *sink, {.events = {"b"}}).objects == 2);
    CHECK(load(objects.store, *sink).objects == 2);
    CHECK(database.names() == Strings{"a 10", "b 10"});
  });
}

}  // namespace eventcollect::test
