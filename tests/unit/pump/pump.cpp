#include "eventcollect/pump.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "eventcollect/url.hpp"
#include "support/events.hpp"
#include "support/json.hpp"
#include "support/manual_timer.hpp"
#include "support/scripted_sink.hpp"
#include "support/scripted_source.hpp"

using namespace eventcollect;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using test::fail;
using test::give;
using test::numbered_batch;

namespace {

using Names = std::vector<std::string>;
using Batches = std::vector<Names>;

struct Failure {
  std::string message;
  milliseconds wait;
};

// A pump with all its surroundings. What happens is noted in `log`, in order.
struct Bench {
  test::ManualTimer timer;
  ManualClock clock{test::some_time};
  test::ScriptedSource source{timer};
  test::ScriptedSink sink;
  std::shared_ptr<test::ScriptedSink> dead = std::make_shared<test::ScriptedSink>();
  std::vector<std::string> letters;  // the lines
  std::stop_source stop;
  std::vector<std::string> log;
  std::vector<Failure> failures;
  std::vector<PumpStatistics> progress;
  PumpOptions options;

  Bench() {
    sink.always = [this](const Batch&, Rejections&) { log.emplace_back("write"); };
    source.on_acknowledge = [this](const Delivery&) { log.emplace_back("acknowledge"); };
    dead->always = [this](const Batch& batch, Rejections&) {
      log.emplace_back("letters");
      for (const Event& event : batch) letters.emplace_back(event.line);
    };
    options.dead_letter = dead;
    options.max_age = 0ms;
    options.clock = &clock;
    options.timer = &timer;
    options.on_failure = [this](const std::exception& error, milliseconds wait) {
      failures.push_back({error.what(), wait});
    };
    options.on_batch = [this](const PumpStatistics& so_far) { progress.push_back(so_far); };
  }

  PumpStatistics run() { return pump(source, sink, options, stop.get_token()); }

  // The error that run() throws; it has to.
  Error sink_error() {
    try {
      run();
    } catch (const Error& error) {
      return error;
    }
    FAIL("no Error was thrown");
    return {Error::unavailable, ""};
  }

  bool has_acknowledged() const {
    return std::find(log.begin(), log.end(), "acknowledge") != log.end();
  }
};

test::ScriptedSink::Step reject_all(std::string why = "no") {
  return [why = std::move(why)](const Batch& batch, Rejections& rejections) {
    for (std::size_t i = 0; i < batch.size(); ++i) rejections.add(batch[i], why);
  };
}

// Rejects all but the one at `index`.
test::ScriptedSink::Step store_only(std::size_t index) {
  return [index](const Batch& batch, Rejections& rejections) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (i != index) rejections.add(batch[i], "no");
    }
  };
}

test::ScriptedSource::Step give_unreadable(std::string raw) {
  return [raw = std::move(raw)](Delivery& delivery, const ReadLimits&) {
    Rejection& one = delivery.rejections.emplace_back();
    one.code = code::json_malformed;
    one.message = "This is not JSON.";
    one.raw = raw;
  };
}

// Loses the session with all that came in it, and gives these events in the next.
test::ScriptedSource::Step lose_session(const Batch& events) {
  return [events](Delivery& delivery, const ReadLimits&) {
    const std::uint64_t next = delivery.session + 1;
    delivery.clear();
    delivery.session = next;
    delivery.batch.append(events);
  };
}

Names names(std::string_view prefix, std::size_t count) {
  Names all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(std::string{prefix} + std::to_string(i));
  return all;
}

}  // namespace

TEST_CASE("events go from the source to the sink in order, and are acknowledged after") {
  Bench bench;
  bench.source.reads = {give(numbered_batch("a", 2)), give(numbered_batch("b", 3))};
  const PumpStatistics done = bench.run();
  CHECK(bench.sink.stored == Batches{names("a", 2), names("b", 3)});
  CHECK(bench.source.acknowledged == Names{"a0", "a1", "b0", "b1", "b2"});
  CHECK(bench.log == Names{"write", "acknowledge", "write", "acknowledge"});
  CHECK(done.batches == 2);
  CHECK(done.events == 5);
  CHECK(done.bytes == numbered_batch("a", 2).bytes() + numbered_batch("b", 3).bytes());
  CHECK(done.rejected == 0);
  CHECK(done.unreadable == 0);
  CHECK(done.retries == 0);
  CHECK(bench.letters.empty());
  CHECK(bench.failures.empty());
}

TEST_CASE("a source without anything is pumped to its end without a write") {
  Bench bench;
  CHECK(bench.run().batches == 0);
  CHECK(bench.log.empty());
}

TEST_CASE("what the last read of a source gives is stored too") {
  Bench bench;
  bench.options.max_age = 1h;
  bench.source.reads = {give(numbered_batch("a", 2))};
  CHECK(bench.run().events == 2);
  CHECK(bench.timer.now() < std::chrono::steady_clock::time_point{} + 1s);
}

TEST_CASE("progress is told after each batch") {
  Bench bench;
  bench.source.reads = {give(numbered_batch("a", 2)), give(numbered_batch("b", 3))};
  bench.run();
  REQUIRE(bench.progress.size() == 2);
  CHECK(bench.progress[0].events == 2);
  CHECK(bench.progress[0].batches == 1);
  CHECK(bench.progress[1].events == 5);
}

TEST_CASE("a batch is gathered until it has max_events") {
  Bench bench;
  bench.options.max_age = 1h;
  bench.options.max_events = 4;
  bench.source.reads = {give(numbered_batch("a", 2)), give(numbered_batch("b", 1)),
                        give(numbered_batch("c", 1)), give(numbered_batch("d", 1))};
  bench.run();
  CHECK(bench.sink.stored == Batches{{"a0", "a1", "b0", "c0"}, {"d0"}});
  for (const ReadLimits& limits : bench.source.asked) CHECK(limits.max_events == 4);
}

TEST_CASE("the unreadable count as events of a batch") {
  Bench bench;
  bench.options.max_age = 1h;
  bench.options.max_events = 3;
  bench.source.reads = {give_unreadable("x"), give(numbered_batch("a", 1)), give_unreadable("y"),
                        give(numbered_batch("b", 1))};
  bench.run();
  CHECK(bench.sink.stored == Batches{{"a0"}, {"b0"}});
}

TEST_CASE("a batch is gathered until it has max_bytes") {
  Bench bench;
  bench.options.max_age = 1h;
  bench.options.max_bytes = numbered_batch("a", 2).bytes();
  bench.source.reads = {
      give(numbered_batch("a", 1)), give(numbered_batch("b", 1)), give(numbered_batch("c", 1)),
      give_unreadable(std::string(bench.options.max_bytes, 'x')), give(numbered_batch("d", 1))};
  bench.run();
  CHECK(bench.sink.stored == Batches{{"a0", "b0"}, {"c0"}, {"d0"}});
  for (const ReadLimits& limits : bench.source.asked) {
    CHECK(limits.max_bytes == bench.options.max_bytes);
  }
}

TEST_CASE("a batch that has no room for what the source has next is written at once") {
  Bench bench;
  bench.options.max_age = 1h;
  const auto give_nothing_at_once = [](Delivery&, const ReadLimits&) {};
  bench.source.reads = {give(numbered_batch("a", 1)), give_nothing_at_once,
                        give(numbered_batch("b", 1))};
  bench.run();
  CHECK(bench.sink.stored == Batches{{"a0"}, {"b0"}});
}

TEST_CASE("a batch is written max_age after its first event, not after its last") {
  Bench bench;
  bench.options.max_age = 1s;
  const auto give_after = [&](milliseconds span, const Batch& events) {
    return [&bench, span, events](Delivery& delivery, const ReadLimits& limits) {
      CHECK(limits.wait >= span);
      bench.timer.advance(span);
      delivery.batch.append(events);
    };
  };
  const auto start = bench.timer.now();
  std::vector<milliseconds> written_at;
  bench.sink.always = [&](const Batch&, Rejections&) {
    written_at.push_back(std::chrono::duration_cast<milliseconds>(bench.timer.now() - start));
  };
  bench.source.reads = {give_after(40ms, numbered_batch("a", 1)),
                        give_after(70ms, numbered_batch("b", 1))};
  int idle = 0;
  bench.source.on_idle = [&] {
    if (++idle == 12) bench.source.reads = {give_after(0ms, numbered_batch("c", 1))};
    return idle < 40;
  };
  bench.run();
  CHECK(bench.sink.stored == Batches{{"a0", "b0"}, {"c0"}});
  REQUIRE(written_at.size() == 2);
  CHECK(written_at[0] == 1'040ms);
  CHECK(written_at[1] == 2'240ms);
}

TEST_CASE("no wait for the source is long, so that a stop is soon seen") {
  Bench bench;
  bench.options.max_age = 250ms;
  bench.source.on_idle = [&] { return bench.source.asked.size() < 20; };
  bench.source.reads = {give(numbered_batch("a", 1))};
  bench.run();
  CHECK(bench.source.asked.size() == 20);
  for (const ReadLimits& limits : bench.source.asked) {
    CHECK(limits.wait > 0ms);
    CHECK(limits.wait <= 100ms);
  }
}

TEST_CASE("where the source lost its session, what it gives anew is gathered anew") {
  Bench bench;
  bench.options.max_age = 1s;
  int idle = 0;
  bench.source.reads = {give(numbered_batch("old", 3))};
  bench.source.on_idle = [&] {
    if (++idle == 9) bench.source.reads = {lose_session(numbered_batch("new", 2))};
    return idle < 18;  // 900 ms each
  };
  bench.sink.always = [&](const Batch&, Rejections&) { CHECK(idle == 18); };
  bench.run();
  CHECK(bench.sink.stored == Batches{names("new", 2)});
}

TEST_CASE("what the sink rejects is a durable dead letter before it is acknowledged") {
  Bench bench;
  const Batch events = numbered_batch("a", 3);
  bench.source.reads = {give(events)};
  bench.sink.steps = {
      [](const Batch& batch, Rejections& rejections) { rejections.add(batch[1], "out of range"); }};
  const PumpStatistics done = bench.run();
  CHECK(bench.log == Names{"write", "letters", "acknowledge"});
  CHECK(bench.source.acknowledged == names("a", 3));
  REQUIRE(bench.letters.size() == 1);
  const test::Json letter{bench.letters[0]};
  CHECK(letter.text("/code") == "sink.rejected");
  CHECK(letter.text("/origin") == "pump");
  CHECK(letter.text("/message") == "out of range");
  CHECK(letter.text("/raw") == events[1].line);
  CHECK(letter.text("/event_id") == events[1].id.to_string());
  CHECK(letter.number("/server_time") == to_milliseconds(test::some_time));
  CHECK(done.events == 2);
  CHECK(done.rejected == 1);
}

TEST_CASE("what is unreadable is a durable dead letter before it is acknowledged") {
  Bench bench;
  bench.source.reads = {give_unreadable("{nothing")};
  const PumpStatistics done = bench.run();
  CHECK(bench.log == Names{"letters", "acknowledge"});
  REQUIRE(bench.letters.size() == 1);
  const test::Json letter{bench.letters[0]};
  CHECK(letter.text("/code") == "json.malformed");
  CHECK(letter.text("/origin") == "pump");
  CHECK(letter.text("/raw") == "{nothing");
  CHECK(done.events == 0);
  CHECK(done.unreadable == 1);
  CHECK(done.batches == 1);
}

TEST_CASE("without a sink for dead letters nothing that would be one is acknowledged") {
  Bench bench;
  bench.options.dead_letter = nullptr;
  SUBCASE("rejected") {
    bench.source.reads = {give(numbered_batch("a", 2))};
    bench.sink.steps = {[](const Batch& batch, Rejections& rejections) {
      rejections.add(batch[1], "out of range");
    }};
    const Error error = bench.sink_error();
    CHECK(error.kind() == Error::misconfigured);
    CHECK(std::string{error.what()}.ends_with("for dead letters: out of range"));
  }
  SUBCASE("unreadable") {
    bench.source.reads = {give_unreadable("x")};
    const Error error = bench.sink_error();
    CHECK(error.kind() == Error::misconfigured);
    CHECK(std::string{error.what()}.ends_with("for dead letters: This is not JSON."));
  }
  CHECK_FALSE(bench.has_acknowledged());
}

TEST_CASE("where dead letters cannot be written, the pump stops and acknowledges nothing") {
  Bench bench;
  bench.source.reads = {give(numbered_batch("a", 2))};
  bench.sink.steps = {
      [](const Batch& batch, Rejections& rejections) { rejections.add(batch[0], "no"); }};
  SUBCASE("their sink fails") {
    bench.dead->steps = {fail(Error::unavailable, "disk full")};
    const Error error = bench.sink_error();
    CHECK(error.kind() == Error::unavailable);
    CHECK(std::string{error.what()} == "dead letters could not be written: disk full");
  }
  SUBCASE("their sink rejects one") {
    bench.dead->steps = {reject_all("too long")};
    CHECK(bench.sink_error().kind() == Error::misconfigured);
  }
  SUBCASE("their sink throws something else") {
    bench.dead->steps = {[](const Batch&, Rejections&) { throw 7; }};
    CHECK(bench.sink_error().kind() == Error::in_doubt);
  }
  CHECK_FALSE(bench.has_acknowledged());
  CHECK(bench.dead->writes == 1);
}

TEST_CASE("a hundred rejections in a row over two batches are no fault of the events") {
  Bench bench;
  const auto give_rejected = [&](std::size_t count) {
    bench.source.reads.push_back(give(numbered_batch("e", count)));
    bench.sink.steps.push_back(reject_all("no such column"));
  };
  SUBCASE("a hundred over two") {
    give_rejected(50);
    give_rejected(50);
    const Error error = bench.sink_error();
    CHECK(error.kind() == Error::misconfigured);
    CHECK(std::string{error.what()}.find("the last 100 events") != std::string::npos);
    CHECK(std::string{error.what()}.ends_with("no such column"));
    CHECK(bench.log == Names{"write", "letters", "acknowledge", "write"});
  }
  SUBCASE("a hundred over many, with nothing but unreadable ones between") {
    for (int i = 0; i < 10; ++i) {
      give_rejected(10);
      bench.source.reads.push_back(give_unreadable("x"));
    }
    bench.sink_error();
    CHECK(bench.letters.size() == 99);
  }
  SUBCASE("ninety-nine over two") {
    give_rejected(50);
    give_rejected(49);
    CHECK(bench.run().rejected == 99);
  }
  SUBCASE("a thousand in one") {
    give_rejected(1'000);
    CHECK(bench.run().rejected == 1'000);
  }
  SUBCASE("a thousand in one, and one more") {
    give_rejected(1'000);
    give_rejected(1);
    bench.sink_error();
    CHECK(bench.letters.size() == 1'000);
  }
  SUBCASE("one stored between") {
    give_rejected(99);
    bench.source.reads.push_back(give(numbered_batch("good", 1)));
    bench.sink.steps.emplace_back([](const Batch&, Rejections&) {});
    give_rejected(99);
    CHECK(bench.run().events == 1);
  }
  SUBCASE("one stored at the end of the second batch") {
    give_rejected(99);
    bench.source.reads.push_back(give(numbered_batch("mixed", 50)));
    bench.sink.steps.push_back(store_only(49));
    give_rejected(99);
    CHECK(bench.run().rejected == 99 + 49 + 99);
  }
  SUBCASE("a hundred since one was stored at the front of the first batch") {
    bench.source.reads.push_back(give(numbered_batch("mixed", 51)));
    bench.sink.steps.push_back(store_only(0));
    give_rejected(50);
    bench.sink_error();
    CHECK(bench.letters.size() == 50);
  }
}

TEST_CASE("a hundred unreadable in a row over two batches are no fault of theirs either") {
  Bench bench;
  bench.options.max_events = 60;
  const auto give_unreadables = [&](std::size_t count) {
    bench.source.reads.emplace_back([count](Delivery& delivery, const ReadLimits& limits) {
      for (std::size_t i = 0; i < count; ++i) give_unreadable("x")(delivery, limits);
    });
  };
  const auto check_stop = [&](std::size_t letters) {
    try {
      bench.run();
      FAIL("the pump went on");
    } catch (const Error& error) {
      CHECK(error.kind() == Error::misconfigured);
      CHECK(std::string{error.what()}.ends_with("The last reason: This is not JSON."));
    }
    CHECK(bench.letters.size() == letters);
  };
  SUBCASE("a hundred over two") {
    give_unreadables(60);
    give_unreadables(40);
    check_stop(60);
    CHECK(bench.log == Names{"letters", "acknowledge"});
    // The next run takes what stopped this one.
    give_unreadables(40);
    bench.run();
    CHECK(bench.letters.size() == 100);
  }
  SUBCASE("with rejected ones") {
    bench.source.reads.push_back(give(numbered_batch("e", 60)));
    bench.sink.steps.push_back(reject_all());
    give_unreadables(40);
    check_stop(60);
  }
  SUBCASE("ninety-nine over two") {
    give_unreadables(60);
    give_unreadables(39);
    CHECK(bench.run().unreadable == 99);
  }
  SUBCASE("a thousand in one") {
    give_unreadables(1'000);
    CHECK(bench.run().unreadable == 1'000);
  }
  SUBCASE("one stored between") {
    for (int i = 0; i < 5; ++i) {
      give_unreadables(60);
      bench.source.reads.push_back(give(numbered_batch("good", 1)));
    }
    CHECK(bench.run().unreadable == 300);
  }
  SUBCASE("one stored beside them") {
    bench.options.max_events = 61;
    for (int i = 0; i < 5; ++i) {
      give_unreadables(60);
      bench.source.reads.back() = [last = bench.source.reads.back()](Delivery& delivery,
                                                                     const ReadLimits& limits) {
        last(delivery, limits);
        delivery.batch.append(numbered_batch("good", 1));
      };
    }
    CHECK(bench.run().unreadable == 300);
  }
  SUBCASE("not where they are not to stop it") {
    bench.options.stop_at_unreadable = false;
    for (int i = 0; i < 5; ++i) give_unreadables(60);
    CHECK(bench.run().unreadable == 300);
  }
}

TEST_CASE("a streak of rejections outlasts a pump, and has what is written again once") {
  Bench bench;
  bench.options.streak = std::make_shared<RejectionStreak>();
  const auto give_rejected = [&] {
    bench.source.reads.push_back(give(numbered_batch("e", 60)));
    bench.sink.steps.push_back(reject_all());
  };
  give_rejected();
  bench.dead->steps = {fail(Error::unavailable, "disk full")};
  bench.sink_error();
  give_rejected();
  CHECK(bench.run().rejected == 60);
  give_rejected();
  CHECK(bench.sink_error().kind() == Error::misconfigured);
  CHECK(bench.letters.size() == 60 + 60);  // those of the failed write too: the test notes it first
}

TEST_CASE("a sink that fails gets the batch again until it has it") {
  Bench bench;
  bench.source.reads = {give(numbered_batch("a", 2))};
  bench.sink.steps = {fail(Error::unavailable, "down"), fail(Error::in_doubt, "lost"),
                      [](const Batch&, Rejections&) { throw std::runtime_error{"bug"}; }};
  const PumpStatistics done = bench.run();
  CHECK(bench.log == Names{"write", "write", "write", "write", "acknowledge"});
  CHECK(bench.sink.stored == Batches{names("a", 2)});
  CHECK(done.retries == 3);
  CHECK(done.batches == 1);
  REQUIRE(bench.failures.size() == 3);
  CHECK(bench.failures[0].message == "down");
  CHECK(bench.failures[1].message == "lost");
  CHECK(bench.failures[2].message == "the sink threw bug");
  for (std::size_t i = 0; i < 3; ++i) CHECK(bench.failures[i].wait == bench.timer.waits[i]);
}

TEST_CASE("rejections of an attempt that failed are no dead letters") {
  Bench bench;
  bench.source.reads = {give(numbered_batch("a", 2))};
  bench.sink.steps = {[](const Batch& batch, Rejections& rejections) {
    rejections.add(batch[0], "half way");
    throw Error{Error::in_doubt, "lost"};
  }};
  CHECK(bench.run().events == 2);
  CHECK(bench.letters.empty());
}

TEST_CASE("a misconfigured sink stops the pump before anything is acknowledged") {
  Bench bench;
  bench.source.reads = {give(numbered_batch("a", 2))};
  bench.sink.steps = {fail(Error::misconfigured, "no such table")};
  SUBCASE("by default") {
    CHECK(bench.sink_error().kind() == Error::misconfigured);
    CHECK_FALSE(bench.has_acknowledged());
    CHECK(bench.failures.empty());
  }
  SUBCASE("unless it shall be retried") {
    bench.options.retry.retry_misconfigured = true;
    CHECK(bench.run().events == 2);
  }
}

TEST_CASE("the pump gives up a sink that fails for too long") {
  Bench bench;
  bench.options.retry.give_up_after = 1h;
  bench.source.reads = {give(numbered_batch("a", 2))};
  bench.sink.always = fail(Error::unavailable, "down");
  CHECK(bench.sink_error().kind() == Error::unavailable);
  CHECK(bench.timer.now() == std::chrono::steady_clock::time_point{} + 1h);
  CHECK_FALSE(bench.has_acknowledged());
}

TEST_CASE("a source that fails is read again, and what was gathered stays") {
  Bench bench;
  bench.options.max_age = 1h;
  bench.source.reads = {give(numbered_batch("a", 1)), fail(Error::unavailable, "cut"),
                        fail(Error::unavailable, "rejected"), give(numbered_batch("b", 1))};
  const PumpStatistics done = bench.run();
  CHECK(bench.sink.stored == Batches{{"a0", "b0"}});
  CHECK(done.retries == 2);
  REQUIRE(bench.failures.size() == 2);
  CHECK(bench.failures[0].message == "cut");
  CHECK(bench.failures[1].message == "rejected");
  CHECK(bench.failures[0].wait <= 100ms);
  CHECK(bench.failures[1].wait <= 200ms);
}

TEST_CASE("a batch does not wait beyond its age for a source that fails") {
  Bench bench;
  bench.options.max_age = 1min;
  bench.source.reads = {give(numbered_batch("a", 1))};
  for (int i = 0; i < 1000; ++i) {
    bench.source.reads.push_back(fail(Error::unavailable, "down"));
  }
  const auto start = bench.timer.now();
  bench.sink.always = [&](const Batch&, Rejections&) { CHECK(bench.timer.now() - start <= 91s); };
  bench.run();
  CHECK(bench.sink.stored == Batches{{"a0"}});
}

TEST_CASE("a success of the source begins a new series of failures") {
  Bench bench;
  bench.options.retry = {.first_wait = 1ms, .max_wait = 1h, .give_up_after = 10s};
  for (int i = 0; i < 100; ++i) {
    bench.source.reads.push_back(fail(Error::unavailable));
    bench.source.reads.emplace_back([&](Delivery&, const ReadLimits&) { bench.timer.advance(1s); });
  }
  CHECK(bench.run().retries == 100);
  for (const Failure& failure : bench.failures) CHECK(failure.wait <= 1ms);
}

TEST_CASE("a source that is misconfigured or fails for too long stops the pump") {
  Bench bench;
  bench.options.retry.give_up_after = 1h;
  SUBCASE("misconfigured while reading") {
    bench.source.reads = {fail(Error::misconfigured, "no such queue")};
    CHECK_THROWS_WITH_AS(bench.run(), "no such queue", Error);
    CHECK(bench.failures.empty());
  }
  SUBCASE("misconfigured while acknowledging") {
    bench.source.reads = {give(numbered_batch("a", 1))};
    bench.source.on_acknowledge = [](const Delivery&) {
      throw Error{Error::misconfigured, "read-only"};
    };
    CHECK_THROWS_WITH_AS(bench.run(), "read-only", Error);
  }
  SUBCASE("failing for too long") {
    for (int i = 0; i < 100'000; ++i) {
      bench.source.reads.push_back(fail(Error::unavailable, "down"));
    }
    CHECK_THROWS_WITH_AS(bench.run(), "down", Error);
    CHECK(bench.timer.now() == std::chrono::steady_clock::time_point{} + 1h);
  }
  CHECK(bench.source.acknowledged.empty());
}

TEST_CASE("an acknowledgement that fails is made again, and nothing is written twice for it") {
  Bench bench;
  bench.source.reads = {give(numbered_batch("a", 2)), give(numbered_batch("b", 1))};
  int calls = 0;
  bench.source.on_acknowledge = [&](const Delivery& delivery) {
    CHECK_FALSE(delivery.empty());
    if (++calls < 3) throw Error{Error::unavailable, "disk full"};
  };
  const PumpStatistics done = bench.run();
  CHECK(bench.sink.stored == Batches{names("a", 2), names("b", 1)});
  CHECK(bench.source.acknowledged == Names{"a0", "a1", "b0"});
  CHECK(done.retries == 2);
  CHECK(bench.failures.size() == 2);
}

TEST_CASE("what else a source throws is passed on") {
  Bench bench;
  bench.source.reads = {[](Delivery&, const ReadLimits&) { throw std::logic_error{"bug"}; }};
  CHECK_THROWS_WITH_AS(bench.run(), "bug", std::logic_error);
}

TEST_CASE("after a stop nothing is read, and what is gathered is written and acknowledged") {
  Bench bench;
  bench.options.max_age = 1h;
  SUBCASE("before it began") {
    bench.stop.request_stop();
    CHECK(bench.run().batches == 0);
    CHECK(bench.source.asked.empty());
  }
  SUBCASE("while nothing comes") {
    bench.source.on_idle = [&] { return bench.stop.request_stop(); };
    CHECK(bench.run().batches == 0);
    CHECK(bench.source.asked.size() == 1);
  }
  SUBCASE("while it gathers") {
    bench.source.reads = {give(numbered_batch("a", 2))};
    bench.source.on_idle = [&] { return bench.stop.request_stop(); };
    CHECK(bench.run().events == 2);
    CHECK(bench.log == Names{"write", "acknowledge"});
    CHECK(bench.source.asked.size() == 2);
  }
  SUBCASE("while it writes") {
    bench.options.max_age = 0ms;
    bench.source.reads = {give(numbered_batch("a", 2)), give(numbered_batch("b", 2))};
    bench.sink.steps = {[&](const Batch& batch, Rejections& rejections) {
      rejections.add(batch[0], "no");
      bench.stop.request_stop();
    }};
    CHECK(bench.run().events == 1);
    CHECK(bench.letters.size() == 1);
    CHECK(bench.source.acknowledged == names("a", 2));
    CHECK(bench.source.asked.size() == 1);
  }
}

TEST_CASE("a stop ends the retrying, and leaves the events to the next run") {
  Bench bench;
  bench.source.reads = {give(numbered_batch("a", 2)), give(numbered_batch("b", 2))};
  SUBCASE("of writes") {
    bench.sink.always = fail(Error::unavailable, "down");
    bench.timer.on_wait = [&] { bench.stop.request_stop(); };
    CHECK(bench.run().batches == 0);
    REQUIRE(bench.failures.size() == 2);
    CHECK(bench.failures[1].message == "down");
    CHECK(bench.failures[1].wait == 0ms);
    CHECK(bench.sink.writes == 1);
  }
  SUBCASE("of a write after the stop") {
    bench.options.max_age = 1h;
    bench.source.reads.pop_back();
    bench.source.on_idle = [&] { return bench.stop.request_stop(); };
    bench.sink.always = fail(Error::misconfigured, "no such table");
    CHECK(bench.run().batches == 0);
    REQUIRE(bench.failures.size() == 1);
    CHECK(bench.failures[0].wait == 0ms);
    CHECK(bench.timer.waits.empty());
  }
  SUBCASE("of reads") {
    bench.source.reads = {fail(Error::unavailable), give(numbered_batch("a", 1))};
    bench.timer.on_wait = [&] { bench.stop.request_stop(); };
    CHECK(bench.run().batches == 0);
    CHECK(bench.source.asked.size() == 1);
  }
  SUBCASE("of an acknowledgement after the stop") {
    bench.sink.steps = {[&](const Batch&, Rejections&) { bench.stop.request_stop(); }};
    bench.source.on_acknowledge = [](const Delivery&) {
      throw Error{Error::misconfigured, "read-only"};
    };
    CHECK(bench.run().retries == 0);
    REQUIRE(bench.failures.size() == 1);
    CHECK(bench.failures[0].message == "read-only");
    CHECK(bench.failures[0].wait == 0ms);
  }
  SUBCASE("of acknowledgements") {
    bench.source.on_acknowledge = [](const Delivery&) {
      throw Error{Error::unavailable, "disk full"};
    };
    bench.timer.on_wait = [&] { bench.stop.request_stop(); };
    CHECK(bench.run().batches == 0);
    CHECK(bench.sink.writes == 1);
  }
  CHECK(bench.source.acknowledged.empty());
}

TEST_CASE("the sinks are maintained at once, and about once a second while nothing is written") {
  Bench bench;
  int maintained = 0;
  int dead_tended = 0;
  bench.sink.on_maintain = [&] { ++maintained; };
  bench.dead->on_maintain = [&] { ++dead_tended; };
  bench.source.on_idle = [&] { return bench.source.asked.size() < 100; };  // ten seconds
  SUBCASE("while nothing comes") { CHECK(bench.run().batches == 0); }
  SUBCASE("while it gathers") {
    bench.options.max_age = 1h;
    bench.source.reads = {give(numbered_batch("a", 1))};
    CHECK(bench.run().batches == 1);
  }
  SUBCASE("without a sink for dead letters") {
    bench.options.dead_letter = nullptr;
    CHECK(bench.run().batches == 0);
    dead_tended = maintained;
  }
  CHECK(maintained == 10);
  CHECK(dead_tended == 10);
}

TEST_CASE("a sink that has just written is not maintained") {
  Bench bench;
  int maintained = 0;
  bench.sink.on_maintain = [&] { ++maintained; };
  for (int i = 0; i < 20; ++i) {
    bench.source.reads.emplace_back([&](Delivery& delivery, const ReadLimits&) {
      bench.timer.advance(900ms);
      delivery.batch.append(numbered_batch("a", 1));
    });
  }
  CHECK(bench.run().batches == 20);
  CHECK(maintained == 1);  // in the beginning
}

TEST_CASE("maintaining that fails is told and goes on, unless the sink is misconfigured") {
  Bench bench;
  bench.source.on_idle = [&] { return bench.source.asked.size() < 25; };
  SUBCASE("for a while") {
    bench.sink.on_maintain = [] { throw Error{Error::unavailable, "down"}; };
    bench.run();
    REQUIRE(bench.failures.size() == 3);
    CHECK(bench.failures[0].message == "down");
    CHECK(bench.failures[0].wait == 1s);
  }
  SUBCASE("the sink for dead letters, too") {
    bench.dead->on_maintain = [] { throw 7; };
    bench.run();
    CHECK(bench.failures.size() == 3);
  }
  SUBCASE("for good") {
    bench.sink.on_maintain = [] { throw Error{Error::misconfigured, "no such table"}; };
    CHECK(bench.sink_error().kind() == Error::misconfigured);
  }
  SUBCASE("until it is mended") {
    bench.options.retry.retry_misconfigured = true;
    bench.sink.on_maintain = [] { throw Error{Error::misconfigured, "no such table"}; };
    bench.run();
    CHECK(bench.failures.size() == 3);
  }
}

TEST_CASE("a pump needs no callback") {
  Bench bench;
  bench.options.on_failure = nullptr;
  bench.options.on_batch = nullptr;
  bench.source.reads = {fail(Error::unavailable), give(numbered_batch("a", 1))};
  bench.sink.steps = {fail(Error::unavailable)};
  CHECK(bench.run().events == 1);
}

TEST_CASE("options that make no sense are rejected") {
  const PumpOptions several[] = {
      {.max_events = 0}, {.max_bytes = 0}, {.max_age = -1ms}, {.retry = {.first_wait = 0ms}}};
  Bench bench;
  for (const PumpOptions& options : several) {
    CHECK_THROWS_AS(pump(bench.source, bench.sink, options), ConfigError);
  }
}

TEST_CASE("a pump on the real clock stops when it is told to") {
  Bench bench;
  std::stop_source stop;
  bench.options.timer = &steady_timer();
  bench.options.max_age = 24h;
  bench.options.max_events = 1;
  bench.options.retry = {.first_wait = 24h, .max_wait = 24h};
  bench.options.on_failure = [&](const std::exception&, milliseconds) { stop.request_stop(); };
  SUBCASE("while the sink fails") {
    bench.source.reads = {give(numbered_batch("a", 1))};
    bench.sink.always = fail(Error::unavailable, "down");
  }
  SUBCASE("while the source fails") {
    bench.source.reads = {fail(Error::unavailable), give(numbered_batch("a", 1))};
  }
  CHECK(pump(bench.source, bench.sink, bench.options, stop.get_token()).batches == 0);
  CHECK(bench.source.asked.size() == 1);
}
