// A collector at the edges of its life: destructors, forks, other collectors, calls back in.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <future>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "eventcollect/collector.hpp"
#include "eventcollect/endpoint.hpp"
#include "eventcollect/memory.hpp"
#include "support/events.hpp"
#include "support/gate_sink.hpp"
#include "support/wait.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

const ManualClock test_clock{some_time};

CollectorOptions with_clock(CollectorOptions options = {}) {
  options.clock = &test_clock;
  return options;
}

// The thread sanitizer ends a child that starts threads where its parent had some.
#ifdef __SANITIZE_THREAD__
constexpr bool can_start_threads_in_child = false;
#else
constexpr bool can_start_threads_in_child = true;
#endif

// Runs its function when it is destroyed.
struct AtEnd {
  std::function<void()> function;
  ~AtEnd() {
    if (function) function();
  }
};

// Runs `child` in a child of fork, which exits with what it returns. That.
template <typename Child>
int in_child(Child&& child) {
  const pid_t id = ::fork();
  REQUIRE(id >= 0);
  if (id == 0) {
    ::alarm(60);  // one that hangs is ended
    ::_exit(child());
  }
  int status = 0;
  REQUIRE(::waitpid(id, &status, 0) == id);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Request post(std::string_view body) {
  Request request;
  request.method = "POST";
  request.path = "/events";
  request.content_type = "application/json";
  request.body = body;
  return request;
}

}  // namespace

TEST_CASE("a destructor of a thread_local object may track and collect") {
  const auto memory = std::make_shared<MemorySink>();
  Collector collector{memory, with_clock()};
  std::optional<Ticket> ticket;
  std::size_t accepted = 0;
  std::thread{[&] {
    // Made before the collector's own, and so destroyed after it.
    thread_local AtEnd at_end;
    at_end.function = [&] {
      ticket = collector.track("last");
      accepted = collector.collect(event_named("very last")).accepted;
    };
    collector.track("first");
  }}.join();
  REQUIRE(ticket);
  CHECK(ticket->wait_for(1h));
  CHECK(accepted == 1);
  CHECK(memory->lines().size() == 3);
}

TEST_CASE("a destructor of a static object may track and collect") {
  CHECK(in_child([] {
          static AtEnd at_end;
          static Collector collector{std::make_shared<MemorySink>(), with_clock()};
          collector.track("first");
          // Destroyed before the collector, and after the thread_local objects of this thread.
          static AtEnd before_collector;
          before_collector.function = [] {
            const bool is_durable = collector.track("last").wait_for(1h);
            ::_exit(is_durable && collector.collect(event_named("very last")).accepted == 1 ? 7
                                                                                            : 1);
          };
          std::exit(2);
          return 3;
        }) == 7);
}

TEST_CASE("in a child of fork every call fails at once, and the parent's goes on") {
  const auto gate = std::make_shared<GateSink>();
  std::vector<std::string> lost;
  CollectorOptions options = with_clock();
  options.dead_letters = std::make_shared<MemorySink>();
  options.on_lost = [&](const Event& event, std::string_view) { lost.emplace_back(event.name); };
  std::optional<Collector> collector;
  collector.emplace(gate, options);
  std::optional<Endpoint> endpoint{*collector};
  const Ticket before = collector->track("before");
  gate->wait_for_writes(1);
  const int seen = in_child([&] {
    int wrong = 0;
    const auto expect = [&](bool holds) { wrong = holds ? wrong : wrong + 1; };
    try {
      collector->collect(event_named("a"));
      ++wrong;
    } catch (const Error& error) {
      expect(error.kind() == Error::unavailable);
    }
    bool told = false;
    collector->collect(event_named("a"),
                       [&](const Receipt&, const Error* failure) { told = failure != nullptr; });
    expect(told);
    expect(collector->track("lost").status() == Ticket::Status::lost);
    expect(lost == Names{"lost"});
    expect(endpoint->handle(post(event_named("a"))).status == 503);
    expect(!collector->ready());
    expect(collector->statistics().sink.queued_events == 0);
    expect(!collector->close(1h));
    if (can_start_threads_in_child) {
      Collector own{std::make_shared<MemorySink>(), with_clock()};
      expect(own.collect(event_named("a")).accepted == 1);
      expect(own.close(1h));
    }
    collector.reset();
    endpoint.reset();
    return wrong;
  });
  CHECK(seen == 0);
  gate->let_all();
  CHECK(before.wait_for(1h));
  CHECK(collector->close(1h));
  CHECK(lost.empty());
}

TEST_CASE("a sink has one collector at a time") {
  const auto memory = std::make_shared<MemorySink>();
  const auto letters = std::make_shared<MemorySink>();
  {
    Collector first{memory, with_clock({.dead_letters = letters})};
    CHECK_THROWS_WITH_AS((Collector{memory, with_clock()}),
                         "the sink is in use by a collector already", std::logic_error);
    CHECK_THROWS_AS((Collector{letters, with_clock()}), std::logic_error);
    const auto other = std::make_shared<MemorySink>();
    CHECK_THROWS_AS((Collector{memory, with_clock({.dead_letters = other})}), std::logic_error);
    CHECK_THROWS_AS((Collector{other, with_clock({.dead_letters = other})}), std::logic_error);
    first.close(1h);
    Collector second{memory, with_clock({.dead_letters = letters})};
    CHECK(second.collect(event_named("a")).accepted == 1);
  }
  Collector third{memory, with_clock()};
  CHECK(third.collect(event_named("b")).accepted == 1);
}

TEST_CASE("a closed collector lets its sinks go, though an endpoint lives on") {
  auto memory = std::make_shared<MemorySink>();
  auto letters = std::make_shared<MemorySink>();
  const std::weak_ptr<Sink> watched[] = {memory, letters};
  std::optional<Endpoint> endpoint;
  {
    Collector collector{std::move(memory), with_clock({.dead_letters = std::move(letters)})};
    endpoint.emplace(collector);
  }
  CHECK(watched[0].expired());
  CHECK(watched[1].expired());
}

TEST_CASE("a sink may own a collector, which ends with it") {
  struct OwningSink final : Sink {
    void write(const Batch&, Rejections&) override {}
    Collector inner{std::make_shared<MemorySink>(), with_clock()};
  };
  Collector outer{std::make_shared<OwningSink>(), with_clock()};
  CHECK(outer.collect(event_named("a")).accepted == 1);
  CHECK(outer.close(1h));
}

TEST_CASE("an endpoint that is called by a response responds, too") {
  Collector collector{std::make_shared<MemorySink>(), with_clock({.max_queue_bytes = 1})};
  const Endpoint endpoint{collector};
  std::vector<int> statuses;
  endpoint.handle(post(event_named("a")), [&](const Response& first) {
    statuses.push_back(first.status);
    endpoint.handle(post(event_named("b")),
                    [&](const Response& second) { statuses.push_back(second.status); });
  });
  CHECK(statuses == std::vector<int>{503, 503});
}

TEST_CASE("an endpoint that outlives its collector answers 503") {
  // It need not outlive the collector, so nothing may read it afterwards.
  struct CountingClock final : Clock {
    TimePoint now() const override { return ++reads, some_time; }
    mutable std::atomic<int> reads{0};
  } clock;
  std::optional<Endpoint> endpoint;
  {
    Collector collector{std::make_shared<MemorySink>(), {.clock = &clock}};
    endpoint.emplace(collector);
    CHECK(endpoint->handle(post(event_named("a"))).status == 202);
  }
  const int reads = clock.reads;
  const Endpoint copy = *endpoint;
  CHECK(copy.handle(post(event_named("a"))).status == 503);
  int status = 0;
  copy.handle(post(event_named("a")), [&](const Response& response) { status = response.status; });
  CHECK(status == 503);
  CHECK(clock.reads == reads);
}

TEST_CASE("a null completion is an error of the call") {
  Collector collector{std::make_shared<MemorySink>(), with_clock()};
  CHECK_THROWS_AS(collector.collect(event_named("a"), Completion{}), std::invalid_argument);
  const Endpoint endpoint{collector};
  CHECK_THROWS_AS(endpoint.handle(post(event_named("a")), std::function<void(Response)>{}),
                  std::invalid_argument);
  CHECK(collector.statistics().events_accepted == 0);
}

TEST_CASE("what on_lost tracks does not come to on_lost again") {
  const auto gate = std::make_shared<GateSink>();
  gate->let_all([](const Batch& batch, Rejections& rejections) {
    for (const Event& event : batch) rejections.add(event, "never");
  });
  Names lost;
  std::vector<Ticket> from_handler;
  Collector* self = nullptr;
  CollectorOptions options = with_clock();
  options.on_lost = [&](const Event& event, std::string_view) {
    lost.emplace_back(event.name);
    from_handler.push_back(self->track("lost_event"));
  };
  Collector collector{gate, options};
  self = &collector;
  const auto is_settled = [&] { return from_handler.back().status() != Ticket::Status::pending; };

  CHECK_FALSE(collector.track("by the sink").wait_for(1h));
  CHECK_FALSE(collector.track("").wait_for(1h));  // by the rules
  wait_until(is_settled);
  CHECK(collector.close(1h));
  CHECK_FALSE(collector.track("after the end").wait_for(1h));
  CHECK(lost == Names{"by the sink", "", "after the end"});
  REQUIRE(from_handler.size() == 3);
  CHECK(from_handler[0].status() == Ticket::Status::rejected);
  CHECK(from_handler[1].status() == Ticket::Status::rejected);
  CHECK(from_handler[2].status() == Ticket::Status::lost);
}

TEST_CASE("an event that on_failure tracks does not call the sink again at once") {
  const auto gate = std::make_shared<GateSink>();
  gate->on_maintain([] { throw Error{Error::unavailable, "told to fail"}; });
  std::atomic<std::uint64_t> failures{0};
  std::atomic<Collector*> self{nullptr};
  CollectorOptions options = with_clock({.maintain_interval = 1ms, .drain_timeout = 0ms});
  options.on_failure = [&](const Error&) {
    if (Collector* const collector = self) {
      collector->track("sink_failed");
      ++failures;
    }
  };
  Collector collector{gate, options};
  self = &collector;
  wait_until([&] { return failures >= 3; });
  CHECK(gate->writes() == 0);
  CHECK(collector.statistics().sink.queued_events >= 3);
  collector.close(0ms);
}

TEST_CASE("a completion that sends again waits for the next attempt while the sink is down") {
  const auto gate = std::make_shared<GateSink>();
  gate->on_maintain([] { throw Error{Error::unavailable, "told to fail"}; });
  gate->let_all();
  Collector collector{gate, with_clock({.maintain_interval = 1ms})};
  wait_until([&] { return collector.statistics().sink.failures[Error::unavailable] > 0; });
  std::promise<std::size_t> accepted;
  std::atomic<int> failures{0};
  const std::function<void()> send = [&] {
    collector.collect(event_named("a"), [&](const Receipt& receipt, const Error* failure) {
      if (failure == nullptr) return accepted.set_value(receipt.accepted);
      ++failures;
      send();
    });
  };
  send();
  wait_until([&] { return failures >= 3; });
  CHECK(gate->writes() == 0);
  gate->on_maintain({});
  CHECK(accepted.get_future().get() == 1);
}

TEST_CASE("a completion that sends again to a closed collector gets the failure itself") {
  Collector collector{std::make_shared<MemorySink>(), with_clock()};
  collector.close(1h);
  int failures = 0;
  const std::function<void()> send = [&] {
    collector.collect(event_named("a"), [&](const Receipt&, const Error*) {
      ++failures;
      send();
    });
  };
  CHECK_THROWS_WITH_AS(send(), "the collector is closed", Error);
  CHECK(failures == 1);
}

TEST_CASE("a tracked event that is rejected or cannot be taken reaches on_lost") {
  std::vector<std::pair<std::string, std::string>> lost;
  ManualClock clock{some_time};
  CollectorOptions options;
  options.clock = &clock;
  options.on_lost = [&](const Event& event, std::string_view why) {
    CHECK(event.properties == R"({"cents":1999})");
    CHECK(event.url == "https://example.org/");
    lost.emplace_back(event.name, why);
  };
  Collector collector{std::make_shared<MemorySink>(), options};
  const auto track = [&](const std::string& name) {
    const Ticket ticket = collector.track(name, {{"cents", 1999}}, {.url = "https://example.org/"});
    REQUIRE_FALSE(lost.empty());
    CHECK(lost.back().first == name);
    CHECK(lost.back().second == ticket.reason());
    return ticket.status();
  };
  CHECK(track(std::string(200, 'x')) == Ticket::Status::rejected);
  CHECK(lost.back().second.starts_with("event.length: "));
  clock.set(from_milliseconds(0));
  CHECK(track("clock") == Ticket::Status::lost);
  collector.close(1h);
  CHECK(track("closed") == Ticket::Status::lost);
  CHECK(lost.size() == 3);
  CHECK(collector.statistics().sink.events_lost == 2);
}

}  // namespace eventcollect::test
