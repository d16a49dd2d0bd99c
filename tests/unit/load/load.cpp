// Loads into a sink that is no database: each object at least once, patiently.
#include "eventcollect/load.hpp"

#include <doctest/doctest.h>

#include "eventcollect/dir.hpp"
#include "eventcollect/ledger.hpp"
#include "load/selection.hpp"
#include "support/directory.hpp"
#include "support/hooked_store.hpp"
#include "support/manual_timer.hpp"
#include "support/objects.hpp"
#include "support/scripted_sink.hpp"
#include "support/sink_without_rtti.hpp"

namespace eventcollect::test {

using namespace loading;

namespace {

using Strings = std::vector<std::string>;

struct Objects {
  TemporaryDirectory directory{};
  DirStore store{directory.path()};
};

constexpr RetryPolicy at_once{.first_wait = std::chrono::milliseconds{1},
                              .max_wait = std::chrono::milliseconds{1},
                              .give_up_after = std::chrono::seconds{10}};

// Has nothing, and lets nobody begin.
class BusyLedger final : public LedgerSink {
 public:
  bool is_busy = true;

  LoadStart begin(std::string_view, std::string_view) override {
    return is_busy ? LoadStart::busy : LoadStart::begun;
  }
  void write(const Batch&, Rejections&) override {}
  void commit() override {}
  void roll_back() noexcept override {}
  std::vector<bool> loaded(std::span<const std::string> keys, std::string_view) override {
    return std::vector<bool>(keys.size());
  }
};

}  // namespace

TEST_CASE("a sink that is no database gets every object, raw ones first, in their order") {
  Objects objects;
  put_raw(objects.store, 1, "2", events_of(1, "d", 1).ndjson());
  put_raw(objects.store, 1, "1", events_of(1, "c", 1).ndjson());
  put_raw(objects.store, 0, "1", events_of(0, "b", 2).ndjson());
  put_hourly(objects.store, -1, {}, {events_of(-1, "a", 1)});
  for (int run = 0; run < 2; ++run) {
    ScriptedSink sink;
    const auto done = load(objects.store, sink);
    CHECK(done.objects == 4);
    CHECK(done.events == 5);
    CHECK(sink.names() == Strings{"b", "b", "c", "d", "a"});
  }
}

TEST_CASE("a sink that was compiled without run-time type information is loaded into") {
  Objects objects;
  put_raw(objects.store, 0, "1", events_of(0, "a", 2).ndjson());
  const auto sink = make_sink_without_rtti();
  CHECK(load(objects.store, *sink).events == 2);
}

TEST_CASE("an hourly object is not written again after its raw ones in the same run") {
  Objects objects;
  const Batch batch = events_of(0, "a", 2);
  const std::string raw = put_raw(objects.store, 0, "1", batch.ndjson());
  put_hourly(objects.store, 0, {raw}, {batch});
  ScriptedSink sink;
  const auto done = load(objects.store, sink);
  CHECK(done.objects == 1);
  CHECK(done.objects_skipped == 1);
  CHECK(sink.names() == Strings{"a", "a"});
  CHECK(load(objects.store, sink, {.events = {"b"}}).events == 0);
}

TEST_CASE("a batch that fails is written again by itself, until somebody gives up") {
  Objects objects;
  put_raw(objects.store, 0, "1", events_of(0, "a", 4).ndjson());
  ScriptedSink sink;
  sink.steps = {[](const Batch&, Rejections&) {}, fail(Error::unavailable), fail(Error::in_doubt)};
  ManualTimer timer;
  LoadOptions options{.max_batch_events = 2, .retry = at_once, .timer = &timer};
  Strings failures;
  options.on_failure = [&](const std::exception& error, auto) {
    failures.emplace_back(error.what());
  };
  const auto done = load(objects.store, sink, options);
  CHECK(done.retries == 2);
  CHECK(failures.size() == 2);
  CHECK(sink.writes == 4);
  CHECK(sink.names() == Strings{"a", "a", "a", "a"});

  sink.steps = {fail(Error::misconfigured)};
  CHECK_THROWS_AS(load(objects.store, sink, options), Error);
  CHECK(sink.writes == 5);
  sink.always = fail(Error::unavailable);
  CHECK_THROWS_AS(load(objects.store, sink, options), Error);
}

TEST_CASE("a store is given up after the time that somebody wants to wait") {
  Objects objects;
  put_raw(objects.store, 0, "1", events_of(0, "a", 1).ndjson());
  WatchedStore watched{objects.store};
  ManualTimer timer;
  std::size_t reported = 0;
  const LoadOptions options{.retry = at_once,
                            .on_failure = [&](const std::exception&, auto) { ++reported; },
                            .timer = &timer};
  const auto is_down = [] { throw Error{Error::unavailable, "it is down"}; };
  ScriptedSink sink;
  watched.on_get = [&](std::string_view) { is_down(); };
  CHECK_THROWS_AS(load(watched, sink, options), Error);
  CHECK(reported > 10);
  watched.on_list = [&](std::string_view) { is_down(); };
  CHECK_THROWS_AS(load(watched, sink, options), Error);
  CHECK(sink.writes == 0);
}

TEST_CASE("an object that is listed and never there is not looked for without end") {
  Objects objects;
  const std::string key = put_raw(objects.store, 0, "1", events_of(0, "a", 1).ndjson());
  WatchedStore watched{objects.store};
  watched.on_get = [&](std::string_view) { objects.store.remove(key); };
  watched.on_list = [&](std::string_view) { objects.store.put(key, gzipped("")); };
  ManualTimer timer;
  ScriptedSink sink;
  CHECK_THROWS_AS(load(watched, sink, {.retry = at_once, .timer = &timer}), Error);
}

TEST_CASE("what others keep busy is waited for, and said, and given up") {
  Objects objects;
  put_raw(objects.store, 0, "1", events_of(0, "a", 1).ndjson());
  put_raw(objects.store, 0, "2", events_of(0, "a", 1).ndjson());
  BusyLedger ledger;
  ManualTimer timer;
  Strings failures;
  const LoadOptions options{
      .retry = {.give_up_after = std::chrono::minutes{5}},
      .on_failure = [&](const std::exception& error, auto) { failures.emplace_back(error.what()); },
      .timer = &timer};
  timer.on_wait = [&] {
    if (timer.waits.size() == 3) ledger.is_busy = false;
  };
  CHECK(load(objects.store, ledger, options).objects == 2);
  CHECK(failures.empty());

  ledger.is_busy = true;
  const auto begin = timer.now();
  CHECK_THROWS_WITH_AS(load(objects.store, ledger, options),
                       doctest::Contains("another loader has it"), Error);
  CHECK(failures.size() > 100);
  CHECK(timer.now() - begin == std::chrono::minutes{5});
}

TEST_CASE("a stop ends a load at once, also where the sink fails") {
  Objects objects;
  put_raw(objects.store, 0, "1", events_of(0, "a", 4).ndjson());
  std::stop_source stop;
  ScriptedSink sink;
  sink.always = [&](const Batch&, Rejections&) {
    stop.request_stop();
    throw Error{Error::unavailable, "it is down"};
  };
  std::size_t reported = 0;
  const auto done =
      load(objects.store, sink, {.on_failure = [&](const std::exception&, auto) { ++reported; }},
           stop.get_token());
  CHECK(done.objects == 0);
  CHECK(done.events == 0);
  CHECK(done.objects_left == 1);
  CHECK(reported == 1);
}

TEST_CASE("a stop is heard while an object is read, and while objects are listed") {
  Objects objects;
  put_raw(objects.store, 0, "1", events_of(0, "a", 4).ndjson());
  for (const auto kind : {StoreCall::list, StoreCall::get}) {
    std::stop_source stop;
    std::size_t begun_after = 0;
    HookedStore stopping{objects.store, [&](const StoreCall& call) {
                           if (stop.stop_requested() && !call.done) ++begun_after;
                           if (call.done && call.kind == kind) stop.request_stop();
                         }};
    ScriptedSink sink;
    CHECK(load(stopping, sink, {}, stop.get_token()).objects == 0);
    CHECK(stop.stop_requested());
    CHECK(begun_after == 0);
  }
}

TEST_CASE("nothing is there to load") {
  Objects objects;
  ScriptedSink sink;
  CHECK(load(objects.store, sink).objects == 0);
}

TEST_CASE("options that make no sense are rejected before anything is done") {
  Objects objects;
  ScriptedSink sink;
  const auto rejected = [&](const LoadOptions& options) {
    CHECK_THROWS_AS(load(objects.store, sink, options), ConfigError);
  };
  const TimePoint hour = hour_number(0);
  const std::chrono::milliseconds moment{1};
  rejected({.since = hour + moment});
  rejected({.until = hour - moment});
  rejected({.since = TimePoint{} - std::chrono::hours{1}});
  rejected({.since = hour, .until = hour});
  rejected({.since = hour + std::chrono::hours{1}, .until = hour});
  rejected({.max_batch_events = 0});
  rejected({.max_batch_bytes = 0});
  rejected({.retry = {.first_wait = std::chrono::milliseconds{0}}});
  for (const std::string& name :
       {std::string{}, std::string{"a\nb"}, std::string{"a\0b", 3}, std::string{"\xff"},
        std::string{"\xc2\x85"}, std::string(129, 'x')}) {
    rejected({.events = {name}});
  }
  Strings many;
  for (int i = 0; i < 200; ++i) many.push_back("event" + std::to_string(i));
  rejected({.events = many});
}

TEST_CASE("a selection has one text, and two selections never the same") {
  const auto text = [](Strings names) { return Selection{std::move(names)}.text(); };
  CHECK(text({}).empty());
  CHECK(text({"a"}) == "event=a");
  CHECK(text({"b", "a", "b"}) == "event=a&event=b");
  CHECK(text({"a&event=b"}) == "event=a%26event=b");
  CHECK(text({"a%26event=b"}) == "event=a%2526event=b");
  CHECK(text({"größe 1"}) == "event=größe 1");
}

}  // namespace eventcollect::test
