#include "eventcollect/collector.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <semaphore>
#include <thread>

#include "eventcollect/memory.hpp"
#include "support/events.hpp"
#include "support/gate_sink.hpp"
#include "support/wait.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

// A sink in the test's hand and a collector in front of it. The sink is let go at the end, so that
// the collector can close.
struct Setup {
  explicit Setup(CollectorOptions options = {}) : collector{gate, with_clock(std::move(options))} {}
  ~Setup() { gate->let_all(); }

  CollectorOptions with_clock(CollectorOptions options) {
    options.clock = &clock;
    return options;
  }

  // Collects in a thread of its own.
  std::future<Receipt> collect(const std::string& body) {
    return std::async(std::launch::async, [this, body] { return collector.collect(body); });
  }

  // Collects by completion. The kind is -1 for success.
  std::future<int> collect_later(const std::string& body) {
    auto promise = std::make_shared<std::promise<int>>();
    collector.collect(body, [promise](const Receipt&, const Error* failure) {
      promise->set_value(failure == nullptr ? -1 : static_cast<int>(failure->kind()));
    });
    return promise->get_future();
  }

  ManualClock clock{some_time};
  std::shared_ptr<GateSink> gate = std::make_shared<GateSink>();
  Collector collector;
};

bool is_done(std::future<Receipt>& future) {
  return future.wait_for(0s) == std::future_status::ready;
}

Error::Kind failure_of(std::future<Receipt>& future) {
  try {
    future.get();
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("no Error");
  return {};
}

Names sorted(Names names) {
  std::sort(names.begin(), names.end());
  return names;
}

// Handlers that remember.
struct Losses {
  std::mutex mutex;
  std::map<std::string, std::string> by_name;

  LostHandler handler() {
    return [this](const Event& event, std::string_view why) {
      const std::lock_guard lock{mutex};
      by_name[std::string{event.name}] = why;
    };
  }
};

}  // namespace

TEST_CASE("collect returns when the sink has stored the events and not before") {
  Setup setup;
  auto receipt = setup.collect(event_named("a"));
  setup.gate->wait_for_writes(1);
  CHECK_FALSE(is_done(receipt));
  CHECK(setup.gate->names().empty());
  setup.gate->let_one();
  CHECK(receipt.get().accepted == 1);
  CHECK(setup.gate->names() == Names{"a"});
}

TEST_CASE("what arrives while the sink writes is written together afterwards") {
  Setup setup;
  auto first = setup.collect_later(event_named("first"));
  setup.gate->wait_for_writes(1);
  std::vector<std::future<int>> others;
  for (int i = 0; i < 10; ++i) {
    others.push_back(setup.collect_later(event_named("other" + std::to_string(i))));
  }
  setup.gate->let_all();
  CHECK(first.get() == -1);
  for (auto& other : others) CHECK(other.get() == -1);
  const auto batches = setup.gate->batches();
  REQUIRE(batches.size() == 2);
  CHECK(batches[0] == Names{"first"});
  CHECK(batches[1].size() == 10);
  CHECK(batches[1].front() == "other0");
  CHECK(batches[1].back() == "other9");
}

TEST_CASE("a batch begins no further request above its bound") {
  Setup setup{{.max_batch_bytes = 1}};
  std::vector<std::future<int>> answers;
  for (int i = 0; i < 3; ++i) answers.push_back(setup.collect_later(event_named("e")));
  setup.gate->let_all();
  for (auto& answer : answers) answer.get();
  CHECK(setup.gate->batches().size() == 3);
}

TEST_CASE("a failure of the sink reaches the sender, with its kind") {
  const Error::Kind kinds[] = {Error::unavailable, Error::misconfigured, Error::in_doubt};
  for (const Error::Kind kind : kinds) {
    Setup setup;
    setup.gate->let_one(throwing(kind));
    auto blocking = setup.collect(event_named("a"));
    CHECK(failure_of(blocking) == kind);
    setup.gate->let_one(throwing(kind));
    CHECK(setup.collect_later(event_named("a")).get() == kind);
    CHECK(setup.collector.statistics().sink.failures[kind] == 2);
  }
}

TEST_CASE("any other exception of a sink leaves the outcome in doubt") {
  Setup setup;
  setup.gate->let_one([](const Batch&, Rejections&) { throw std::runtime_error{"no Error"}; });
  auto first = setup.collect(event_named("a"));
  CHECK(failure_of(first) == Error::in_doubt);
  setup.gate->let_one([](const Batch&, Rejections&) { throw 42; });
  auto second = setup.collect(event_named("a"));
  CHECK(failure_of(second) == Error::in_doubt);
}

TEST_CASE("an event that could not be stored is not written again by itself") {
  Setup setup;
  setup.gate->let_one(throwing(Error::unavailable));
  CHECK(setup.collect_later(event_named("failed")).get() == Error::unavailable);
  setup.gate->let_one();
  CHECK(setup.collect_later(event_named("next")).get() == -1);
  CHECK(setup.gate->names() == Names{"next"});
}

TEST_CASE("without confirmation in time the outcome is in doubt, once") {
  Setup setup{{.acknowledge_timeout = 1ms}};
  std::atomic<int> answers{0};
  std::promise<Error::Kind> kind;
  setup.collector.collect(event_named("slow"), [&](const Receipt&, const Error* failure) {
    if (++answers == 1) kind.set_value(failure->kind());
  });
  CHECK(kind.get_future().get() == Error::in_doubt);
  auto blocking = setup.collect(event_named("behind it"));
  CHECK(failure_of(blocking) == Error::in_doubt);
  setup.gate->let_all();
  CHECK(setup.collector.close(10s));
  CHECK(answers == 1);
  CHECK(setup.collector.statistics().sink.deadlines_missed == 2);
}

TEST_CASE("at its bound the queue rejects new events and keeps the old") {
  Setup setup{{.max_queue_bytes = 900}};
  auto kept = setup.collect_later(event_named("kept"));
  auto also_kept = setup.collect_later(event_named("also kept"));
  auto rejected = setup.collect(event_named("rejected"));
  CHECK(failure_of(rejected) == Error::unavailable);
  CHECK(setup.collect_later(event_named("rejected")).get() == Error::unavailable);
  CHECK(setup.collector.statistics().sink.queue_full == 2);
  CHECK(setup.collector.statistics().sink.queued_bytes <= 900);
  setup.gate->let_all();
  CHECK(kept.get() == -1);
  CHECK(also_kept.get() == -1);
}

TEST_CASE("with WhenFull::wait a blocking collect waits for room") {
  Setup setup{{.when_full = WhenFull::wait, .max_queue_bytes = 500}};
  auto first = setup.collect_later(event_named("first"));
  setup.gate->wait_for_writes(1);
  auto waiting = setup.collect(event_named("waiting"));
  setup.gate->let_all();
  CHECK(waiting.get().accepted == 1);
  CHECK(setup.gate->names() == Names{"first", "waiting"});
}

TEST_CASE("with WhenFull::wait the deadline still holds") {
  Setup setup{{.acknowledge_timeout = 1ms, .when_full = WhenFull::wait, .max_queue_bytes = 500}};
  auto first = setup.collect_later(event_named("first"));
  auto waiting = setup.collect(event_named("waiting"));
  CHECK(failure_of(waiting) == Error::unavailable);
  first.get();
}

TEST_CASE("a blocking collect from a completion or a sink is an error and no deadlock") {
  Setup setup;
  std::promise<bool> from_completion;
  std::promise<bool> from_sink;
  const auto is_rejected = [&] {
    try {
      setup.collector.collect(event_named("nested"));
    } catch (const std::logic_error&) {
      return true;
    }
    return false;
  };
  setup.gate->let_one([&](const Batch&, Rejections&) { from_sink.set_value(is_rejected()); });
  setup.collector.collect(event_named("a"), [&](const Receipt&, const Error*) {
    from_completion.set_value(is_rejected());
  });
  CHECK(from_sink.get_future().get());
  CHECK(from_completion.get_future().get());
}

TEST_CASE("a completion that would close the collector is told that it cannot") {
  Setup setup;
  setup.gate->let_all();
  std::promise<bool> rejected;
  setup.collector.collect(event_named("a"), [&](const Receipt&, const Error*) {
    try {
      setup.collector.close(1h);
      rejected.set_value(false);
    } catch (const std::logic_error&) {
      rejected.set_value(true);
    }
  });
  CHECK(rejected.get_future().get());
}

TEST_CASE("a completion may collect by completion") {
  Setup setup;
  setup.gate->let_all();
  std::promise<void> done;
  setup.collector.collect(event_named("a"), [&](const Receipt&, const Error*) {
    setup.collector.collect(event_named("b"),
                            [&](const Receipt&, const Error*) { done.set_value(); });
  });
  done.get_future().get();
  CHECK(setup.gate->names() == Names{"a", "b"});
}

TEST_CASE("events that the rules reject are listed with their place in the request") {
  Setup setup;
  setup.gate->let_all();
  const Receipt receipt =
      setup.collector.collect(R"([{"event":1},{"event":"a"},{"event":""},{"event":"b"}])");
  CHECK(receipt.accepted == 2);
  CHECK(receipt.rejected == 2);
  REQUIRE(receipt.rejections.size() == 2);
  CHECK(receipt.rejections[0].index == 0);
  CHECK(receipt.rejections[0].code == code::event_type);
  CHECK(receipt.rejections[1].index == 2);
  CHECK(receipt.rejections[1].code == code::event_length);
}

TEST_CASE("an event that the sink rejects is listed among the others, the rest is durable") {
  Setup setup;
  const auto reject_b = [](const Batch& batch, Rejections& rejections) {
    for (const Event& event : batch) {
      if (event.name == "b") rejections.add(event, "not b");
    }
  };
  const std::string body = R"([{"event":1},{"event":"a"},{"event":2},{"event":"b"},{"event":"c"}])";
  const auto check = [](const Receipt& receipt) {
    CHECK(receipt.accepted == 2);
    CHECK(receipt.rejected == 3);
    REQUIRE(receipt.rejections.size() == 3);
    CHECK(receipt.rejections[2].index == 3);
    CHECK(receipt.rejections[2].code == code::sink_rejected);
    CHECK(receipt.rejections[2].message == "not b");
    CHECK(receipt.rejections[2].event_id.has_value());
  };
  setup.gate->let_all(reject_b);
  check(setup.collector.collect(body));
  std::promise<Receipt> later;
  setup.collector.collect(body,
                          [&](const Receipt& receipt, const Error*) { later.set_value(receipt); });
  check(later.get_future().get());
  CHECK(setup.collector.statistics().sink.events_rejected == 2);
}

TEST_CASE("one request's rejections are not another's") {
  Setup setup;
  auto first = setup.collect_later(event_named("first"));
  setup.gate->wait_for_writes(1);
  auto bad = setup.collect(event_named("bad"));
  wait_until([&] { return setup.collector.statistics().sink.queued_events >= 2; });
  auto good = setup.collect(event_named("good"));
  wait_until([&] { return setup.collector.statistics().sink.queued_events >= 3; });
  setup.gate->let_one();
  setup.gate->let_one(
      [](const Batch& batch, Rejections& rejections) { rejections.add(batch[0], "bad"); });
  CHECK(bad.get().rejected == 1);
  CHECK(good.get().rejected == 0);
}

TEST_CASE("a request with nothing acceptable is answered without the sink") {
  Setup setup;
  const Receipt receipt = setup.collector.collect("{");
  CHECK(receipt.accepted == 0);
  REQUIRE(receipt.rejections.size() == 1);
  CHECK(receipt.rejections[0].code == code::json_malformed);
}

TEST_CASE("at most a hundred rejections are listed, all are counted") {
  Setup setup;
  std::string body = "[";
  for (int i = 0; i < 150; ++i) body += "1,";
  body.back() = ']';
  const Receipt receipt = setup.collector.collect(body);
  CHECK(receipt.rejected == 150);
  CHECK(receipt.rejections.size() == 100);
}

TEST_CASE("rejected events are kept as dead letters") {
  auto letters = std::make_shared<GateSink>();
  letters->let_all();
  auto kept = std::make_shared<MemorySink>();
  Setup setup{{.dead_letters = kept}};
  setup.gate->let_all([](const Batch& batch, Rejections& rejections) {
    for (const Event& event : batch) {
      if (event.name == "b") rejections.add(event, "not b");
    }
  });
  setup.collector.collect(R"([{"event":1},{"event":"b"}])");
  setup.collector.close(10s);
  const auto lines = kept->lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find(R"("code":"event.type","pointer":"/event")") != std::string::npos);
  CHECK(lines[0].find(R"("raw":"{\"event\":1}")") != std::string::npos);
  CHECK(lines[1].find(R"("code":"sink.rejected")") != std::string::npos);
  CHECK(lines[1].find("\"message\":\"not b\"") != std::string::npos);
}

TEST_CASE("dead letters that cannot be kept hold nothing up and are counted") {
  auto letters = std::make_shared<GateSink>();
  CollectorOptions options;
  options.dead_letters = letters;
  options.max_dead_letter_queue_bytes = 1200;
  Setup setup{options};
  setup.gate->let_all();
  for (int i = 0; i < 10; ++i) setup.collector.collect(R"({"event":1})");
  CHECK(setup.collector.collect(event_named("good")).accepted == 1);
  CHECK(setup.collector.statistics().dead_letters.queued_bytes <= 1200);
  CHECK(setup.collector.statistics().dead_letters.events_lost > 0);
  letters->let_all(throwing(Error::unavailable));
}

TEST_CASE("without a sink for dead letters none is counted") {
  Setup setup;
  setup.collector.collect(R"({"event":1})");
  const CollectorStatistics statistics = setup.collector.statistics();
  CHECK(statistics.dead_letters.ready);
  CHECK(statistics.dead_letters.events_stored == 0);
  CHECK(statistics.dead_letters.events_lost == 0);
  CHECK(statistics.dead_letters_over_rate == 0);
}

TEST_CASE("dead letters over the rate are counted, those of the sink's rejections too") {
  auto kept = std::make_shared<MemorySink>();
  Setup setup{{.dead_letters = kept, .max_dead_letter_bytes_per_minute = 600}};
  setup.gate->let_all(
      [](const Batch& batch, Rejections& rejections) { rejections.add(batch[0], "no"); });
  for (int i = 0; i < 10; ++i) setup.collector.collect(R"({"event":1})");
  setup.collector.collect(event_named("good"));
  CHECK(setup.collector.statistics().dead_letters_over_rate == 9);
  setup.collector.close(10s);
  CHECK(kept->lines().size() == 2);
}

TEST_CASE("a tracked event becomes durable") {
  Setup setup;
  const Ticket ticket = setup.collector.track("order_paid", {{"cents", 1999}});
  setup.gate->wait_for_writes(1);
  CHECK(ticket.status() == Ticket::Status::pending);
  CHECK_FALSE(ticket.wait_for(0ms));
  setup.gate->let_one();
  CHECK(ticket.wait_for(1h));
  CHECK(ticket.status() == Ticket::Status::durable);
  CHECK(setup.gate->names() == Names{"order_paid"});
}

TEST_CASE("a tracked event carries its options") {
  auto memory = std::make_shared<MemorySink>();
  ManualClock clock{some_time};
  {
    Collector collector{memory, {.clock = &clock}};
    collector.track("a\"b", {{"list", {1, "two", nullptr}}, {"nested", Properties{{"x", 0.5}}}},
                    {.event_id = "0193587E-9AB0-7CC0-8000-5F3A9C2B1D4E",
                     .url = "https://example.org/",
                     .happened_at = some_time - 1500ms});
  }
  REQUIRE(memory->lines().size() == 1);
  CHECK(memory->lines()[0] ==
        R"({"event_id":"0193587e-9ab0-7cc0-8000-5f3a9c2b1d4e","event":"a\"b",)"
        R"("url":"https://example.org/","properties":{"list":[1,"two",null],"nested":{"x":0.5}},)"
        R"("server_time":1893456000000,"event_time":1893455998500,)"
        R"("client_time":1893455998500,"sent_time":1893456000000})");
}

TEST_CASE("a tracked event that the rules reject says why") {
  Setup setup;
  const Ticket ticket = setup.collector.track("", {});
  CHECK(ticket.status() == Ticket::Status::rejected);
  CHECK(ticket.reason().starts_with("event.length"));
  CHECK(setup.collector.track("x", {{"n", 0.0 / 0.0}}).reason().starts_with("number.range"));
  CHECK(setup.collector.track("x", {{"a", 1}, {"a", 2}}).reason().starts_with("field.duplicate"));
  CHECK(setup.collector.track("x", {{"a", "\xff"}}).reason().starts_with("json.malformed"));
}

TEST_CASE("tracked events stay queued across failures, a client's events do not") {
  Losses losses;
  Setup setup{{.maintain_interval = 1ms, .on_lost = losses.handler()}};
  const Ticket first = setup.collector.track("first");
  setup.gate->wait_for_writes(1);
  auto client = setup.collect_later(event_named("client"));
  const Ticket second = setup.collector.track("second");
  std::atomic<int> failures{0};
  setup.gate->let_all([&](const Batch& batch, Rejections&) {
    const bool has_client = batch.ndjson().find("client") != std::string_view::npos;
    if (failures++ == 0 || has_client) throw Error{Error::in_doubt, "told to fail"};
  });
  CHECK(client.get() == Error::in_doubt);
  CHECK(first.wait_for(1h));
  CHECK(second.wait_for(1h));
  CHECK(sorted(setup.gate->names()) == Names{"first", "second"});
  CHECK(losses.by_name.empty());
}

TEST_CASE("a tracked event that makes the sink fail holds up no others") {
  Setup setup{{.maintain_interval = 1ms}};
  setup.gate->let_all([](const Batch& batch, Rejections&) {
    for (const Event& event : batch) {
      if (event.name == "poison") throw Error{Error::in_doubt, "choked"};
    }
  });
  const Ticket poison = setup.collector.track("poison");
  std::vector<Ticket> good;
  for (int i = 0; i < 5; ++i) good.push_back(setup.collector.track("good" + std::to_string(i)));
  for (const Ticket& ticket : good) CHECK(ticket.wait_for(1h));
  for (int i = 0; i < 5; ++i) CHECK(setup.collector.collect(event_named("client")).accepted == 1);
  CHECK(poison.status() == Ticket::Status::pending);
  CHECK_FALSE(setup.collector.close(1ms));
  CHECK(poison.status() == Ticket::Status::lost);
}

TEST_CASE("a sink that hangs is not ready") {
  Setup setup{{.acknowledge_timeout = 1ms}};
  wait_until([&] { return setup.collector.ready(); });
  CHECK(setup.collect_later(event_named("a")).get() == Error::in_doubt);
  wait_until([&] { return !setup.collector.ready(); });
  setup.gate->let_all();
  wait_until([&] { return setup.collector.ready(); });
}

TEST_CASE("the clock is not asked once close has returned") {
  // Its writer asks while it maintains the sink. Whoever asks is held up until close has returned,
  // or long enough for it to return where it does not wait.
  struct SlowClock final : Clock {
    TimePoint now() const override {
      is_asked = true;
      const auto end = std::chrono::steady_clock::now() + 100ms;
      while (!is_closed && std::chrono::steady_clock::now() < end) std::this_thread::yield();
      if (is_closed) was_asked_late = true;
      is_asked = false;
      return some_time;
    }
    std::atomic<bool> is_closed = false;
    mutable std::atomic<bool> is_asked = false;
    mutable std::atomic<bool> was_asked_late = false;
  };
  SlowClock clock;
  Collector collector{std::make_shared<MemorySink>(), {.clock = &clock}};
  wait_until([&] { return clock.is_asked.load(); });
  collector.close(0ms);
  clock.is_closed = true;
  wait_until([&] { return !clock.is_asked; });
  CHECK_FALSE(clock.was_asked_late);
}

TEST_CASE("no handler is called once close has returned") {
  for (int i = 0; i < 200; ++i) {
    auto gate = std::make_shared<GateSink>();
    auto letters = std::make_shared<MemorySink>();
    auto closed = std::make_shared<std::atomic<bool>>(false);
    auto late = std::make_shared<std::atomic<int>>(0);
    const auto note = [=] { *late += *closed ? 1 : 0; };
    {
      Collector collector{gate,
                          {.drain_timeout = 0ms,
                           .dead_letters = letters,
                           .on_lost = [=](const Event&, std::string_view) { note(); },
                           .on_failure = [=](const Error&) { note(); }}};
      collector.track("a");
      gate->wait_for_writes(1);
      gate->let_all(
          [](const Batch& batch, Rejections& rejections) { rejections.add(batch[0], "no"); });
    }
    *closed = true;
    CHECK(*late == 0);
  }
}

TEST_CASE("a tracked event that finds the queue full is lost and reported") {
  Losses losses;
  Setup setup{{.max_queue_bytes = 500, .on_lost = losses.handler()}};
  const Ticket kept = setup.collector.track("kept");
  const Ticket lost = setup.collector.track("lost");
  CHECK(lost.status() == Ticket::Status::lost);
  CHECK(losses.by_name.count("lost") == 1);
  setup.gate->let_all();
  CHECK(kept.wait_for(1h));
}

TEST_CASE("a tracked event that the sink rejects is reported to its owner") {
  Losses losses;
  Setup setup{{.on_lost = losses.handler()}};
  setup.gate->let_all(
      [](const Batch& batch, Rejections& rejections) { rejections.add(batch[0], "never"); });
  const Ticket ticket = setup.collector.track("rejected");
  CHECK_FALSE(ticket.wait_for(1h));
  CHECK(ticket.status() == Ticket::Status::rejected);
  CHECK(ticket.reason() == "sink.rejected: never");
  CHECK(losses.by_name["rejected"] == "never");
}

TEST_CASE("with Acknowledge::accepted collect does not wait, and failed writes are tried again") {
  Setup setup{{.acknowledge = Acknowledge::accepted, .maintain_interval = 1ms}};
  CHECK(setup.collector.collect(event_named("a")).accepted == 1);
  CHECK(setup.collect_later(event_named("b")).get() == -1);
  CHECK(setup.gate->names().empty());
  setup.gate->let_one(throwing(Error::unavailable));
  setup.gate->let_all();
  CHECK(setup.collector.close(1h));
  CHECK(sorted(setup.gate->names()) == Names{"a", "b"});
}

TEST_CASE("after a failure the sink is maintained until it recovers, and readiness follows") {
  std::atomic<int> failures{0};
  std::promise<void> recovered;
  Setup setup{{.maintain_interval = 1ms,
               .on_failure = [&](const Error&) { ++failures; },
               .on_recovery = [&] { recovered.set_value(); }}};
  wait_until([&] { return setup.collector.ready(); });
  setup.gate->on_maintain([] { throw Error{Error::unavailable, "still broken"}; });
  setup.gate->let_one(throwing(Error::unavailable));
  CHECK(setup.collect_later(event_named("a")).get() == Error::unavailable);
  CHECK_FALSE(setup.collector.ready());
  setup.gate->wait_for_maintains(3);
  CHECK_FALSE(setup.collector.ready());
  setup.gate->on_maintain({});
  recovered.get_future().get();
  CHECK(setup.collector.ready());
  CHECK(failures >= 2);
}

TEST_CASE("a sink of which nothing is known yet is not ready") {
  struct Slow final : Sink {
    void write(const Batch&, Rejections&) override {}
    void maintain() override {
      called.release();
      may_return.acquire();
    }
    std::binary_semaphore called{0};
    std::binary_semaphore may_return{0};
  };
  const auto sink = std::make_shared<Slow>();
  std::atomic<int> recoveries{0};
  Collector collector{sink, {.maintain_interval = 1h, .on_recovery = [&] { ++recoveries; }}};
  sink->called.acquire();
  CHECK_FALSE(collector.ready());
  sink->may_return.release();
  wait_until([&] { return collector.ready(); });
  collector.close(1h);
  CHECK(recoveries == 0);
}

TEST_CASE("an idle sink is maintained") {
  Setup setup{{.maintain_interval = 1ms}};
  setup.gate->wait_for_maintains(2);  // so one has returned
  CHECK(setup.collector.ready());
}

TEST_CASE("close writes what is queued and rejects what comes after") {
  Setup setup;
  auto before = setup.collect_later(event_named("before"));
  setup.gate->let_all();
  CHECK(setup.collector.close(1h));
  CHECK(before.get() == -1);
  CHECK(setup.collect_later(event_named("after")).get() == Error::unavailable);
  CHECK(setup.gate->names() == Names{"before"});
  CHECK_FALSE(setup.collector.ready());
}

TEST_CASE("close does not wait for a sink that hangs, and leaves no sender without an answer") {
  Losses losses;
  Setup setup{{.on_lost = losses.handler()}};
  auto with_sink = setup.collect_later(event_named("with the sink"));
  const Ticket tracked = setup.collector.track("tracked");
  setup.gate->wait_for_writes(1);
  auto queued = setup.collect_later(event_named("queued"));
  CHECK_FALSE(setup.collector.close(1ms));
  CHECK(with_sink.get() == Error::in_doubt);
  CHECK(queued.get() == Error::unavailable);
  CHECK(tracked.status() == Ticket::Status::lost);
  CHECK(losses.by_name.count("tracked") == 1);
  CHECK(setup.collector.statistics().sink.events_lost == 1);
}

TEST_CASE("a collector can be destroyed while its sink hangs") {
  auto gate = std::make_shared<GateSink>();
  {
    Collector collector{gate, {.drain_timeout = 1ms}};
    collector.track("stuck");
    gate->wait_for_writes(1);
  }
  gate->let_all();
}

TEST_CASE("a clock before the build stamps nothing") {
  ManualClock clock{from_milliseconds(0)};
  Collector collector{std::make_shared<MemorySink>(), {.clock = &clock}};
  CHECK_THROWS_AS(collector.collect(event_named("a")), Error);
  CHECK(collector.track("a").status() == Ticket::Status::lost);
}

TEST_CASE("with a wrong clock a collector is not ready, says why, and recovers when it is set") {
  ManualClock clock{from_milliseconds(0)};
  std::promise<std::string> said;
  std::promise<void> recovered;
  std::atomic<int> failures{0};
  Collector collector{std::make_shared<MemorySink>(),
                      {.maintain_interval = 1ms,
                       .clock = &clock,
                       .on_failure =
                           [&](const Error& error) {
                             if (++failures == 1) said.set_value(error.what());
                           },
                       .on_recovery = [&] { recovered.set_value(); }}};
  CHECK(said.get_future().get().starts_with("clock.wrong: the clock shows 1970-01-01T00:00:00"));
  CHECK_FALSE(collector.ready());
  CHECK_FALSE(collector.statistics().sink.ready);
  CHECK(collector.is_clock_wrong());
  clock.set(some_time);
  recovered.get_future().get();
  CHECK(collector.ready());
  CHECK_FALSE(collector.is_clock_wrong());
  CHECK(collector.collect(event_named("a")).accepted == 1);
  // No request is needed to find out.
  clock.set(latest_time + 1ms);
  wait_until([&] { return !collector.ready(); });
  CHECK(collector.is_clock_wrong());
}

TEST_CASE("a collector without a sink or a clock is rejected") {
  CHECK_THROWS_AS(Collector{nullptr}, std::invalid_argument);
  CHECK_THROWS_AS((Collector{std::make_shared<MemorySink>(), {.clock = nullptr}}),
                  std::invalid_argument);
}

TEST_CASE("the statistics add up") {
  Setup setup;
  setup.gate->let_all();
  setup.collector.collect(R"([{"event":"a"},{"event":"b"},{"event":3}])");
  setup.collector.close(1h);
  const CollectorStatistics statistics = setup.collector.statistics();
  CHECK(statistics.events_accepted == 2);
  CHECK(statistics.sink.events_stored == 2);
  CHECK(statistics.sink.batches_stored == 1);
  CHECK(statistics.sink.queued_events == 0);
  CHECK(statistics.sink.queued_bytes == 0);
  std::uint64_t writes = 0;
  for (const std::uint64_t count : statistics.sink.write_seconds.counts) writes += count;
  CHECK(writes == 1);
}

TEST_CASE("from many threads, with a sink that fails now and then, each answer is true") {
  auto gate = std::make_shared<GateSink>();
  std::atomic<int> calls{0};
  gate->let_all([&](const Batch&, Rejections&) {
    if (++calls % 5 == 0) throw Error{Error::unavailable, "now and then"};
  });
  constexpr int threads = 8;
  constexpr int rounds = 200;
  std::mutex mutex;
  std::vector<std::string> acknowledged;
  {
    Collector collector{gate, {.maintain_interval = 1ms}};
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        for (int i = 0; i < rounds; ++i) {
          const std::string name = std::to_string(t) + "-" + std::to_string(i);
          try {
            collector.collect(event_named(name));
            const std::lock_guard lock{mutex};
            acknowledged.push_back(name);
          } catch (const Error&) {
          }
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
  }
  std::vector<std::string> stored = gate->names();
  std::sort(stored.begin(), stored.end());
  std::sort(acknowledged.begin(), acknowledged.end());
  CHECK(acknowledged.size() > rounds);
  CHECK(acknowledged.size() < threads * rounds);
  CHECK(stored == acknowledged);
}

}  // namespace eventcollect::test
