// What a collector does while its sink is down, and afterwards: counted in calls of the sink.
#include <doctest/doctest.h>

#include <future>
#include <string>
#include <vector>

#include "eventcollect/collector.hpp"
#include "support/events.hpp"
#include "support/gate_sink.hpp"
#include "support/wait.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

[[noreturn]] void fail() { throw Error{Error::in_doubt, "told to fail"}; }

// A collector whose sink is down until mend() is called. What it then writes is stored.
struct Outage {
  explicit Outage(CollectorOptions options = {}) : collector{broken(gate), with(options)} {
    wait_until([&] { return collector.statistics().sink.failures[Error::in_doubt] > 0; });
  }

  static std::shared_ptr<Sink> broken(const std::shared_ptr<GateSink>& gate) {
    gate->on_maintain(fail);
    gate->let_all();
    return gate;
  }
  CollectorOptions with(CollectorOptions options) const {
    options.clock = &clock;
    options.maintain_interval = 1ms;
    return options;
  }

  void mend() const { gate->on_maintain({}); }

  // Sends a client's event. The kind of the failure that was told in the call itself, or -1.
  int send(const std::string& name) {
    int kind = -1;
    collector.collect(event_named(name), [&](const Receipt&, const Error* failure) {
      if (failure != nullptr) kind = failure->kind();
    });
    return kind;
  }

  std::vector<std::size_t> batch_sizes() const {
    std::vector<std::size_t> sizes;
    for (const auto& batch : gate->batches()) sizes.push_back(batch.size());
    return sizes;
  }

  ManualClock clock{some_time};
  std::shared_ptr<GateSink> gate = std::make_shared<GateSink>();
  Collector collector;
};

}  // namespace

TEST_CASE("while the sink is down, requests are turned away at once and it is not written to") {
  Outage outage;
  std::vector<Ticket> kept;
  for (int i = 0; i < 1'000; ++i) {
    CHECK(outage.send("client") == Error::unavailable);
    CHECK_THROWS_AS(outage.collector.collect(event_named("client")), Error);
    kept.push_back(outage.collector.track("kept"));
  }
  CHECK(outage.gate->writes() == 0);
  CHECK(outage.collector.statistics().sink.queued_events == 1'000);
  outage.mend();
  for (const Ticket& ticket : kept) CHECK(ticket.wait_for(1h));
  CHECK(outage.collector.collect(event_named("client")).accepted == 1);
}

TEST_CASE("what was kept in an outage is written in batches that double") {
  Outage outage;
  for (int i = 0; i < 1'000; ++i) outage.collector.track("kept");
  outage.mend();
  CHECK(outage.collector.close(1h));
  CHECK(outage.batch_sizes() == std::vector<std::size_t>{1, 2, 4, 8, 16, 32, 64, 128, 256, 489});
}

TEST_CASE("what is accepted in memory is taken while the sink is down, up to the bound") {
  Outage outage{{.acknowledge = Acknowledge::accepted, .max_queue_bytes = 10'000}};
  int taken = 0;
  while (outage.send("kept") == -1) ++taken;
  CHECK(taken > 10);
  const SinkStatistics sink = outage.collector.statistics().sink;
  CHECK(sink.queue_full == 1);
  CHECK(sink.queued_events == static_cast<std::uint64_t>(taken));
  CHECK(sink.queued_bytes <= 10'000);
  CHECK(outage.gate->writes() == 0);
  outage.mend();
  CHECK(outage.collector.close(1h));
  CHECK(outage.gate->names().size() == static_cast<std::size_t>(taken));
}

TEST_CASE("with WhenFull::wait nobody waits for room in front of a sink that is down") {
  Outage outage{{.acknowledge_timeout = 1h, .when_full = WhenFull::wait, .max_queue_bytes = 1}};
  CHECK_THROWS_WITH_AS(outage.collector.collect(event_named("client")),
                       "the sink is down: told to fail", Error);
}

TEST_CASE("what waits when the sink goes down is answered or kept, and not tried") {
  ManualClock clock{some_time};
  const auto gate = std::make_shared<GateSink>();
  Collector collector{gate, {.maintain_interval = 1h, .clock = &clock}};
  wait_until([&] { return collector.ready(); });
  gate->on_maintain(fail);
  const auto send = [&](const std::string& name) {
    auto kind = std::make_shared<std::promise<int>>();
    collector.collect(event_named(name), [kind](const Receipt&, const Error* failure) {
      kind->set_value(failure == nullptr ? -1 : static_cast<int>(failure->kind()));
    });
    return kind->get_future();
  };
  auto written = send("written");
  gate->wait_for_writes(1);
  auto waiting = send("waiting");
  const Ticket tracked = collector.track("tracked");
  gate->let_one(throwing(Error::in_doubt));
  CHECK(written.get() == Error::in_doubt);
  CHECK(waiting.get() == Error::unavailable);
  CHECK(tracked.status() == Ticket::Status::pending);
  CHECK(gate->writes() == 1);
  gate->let_all();
  gate->on_maintain({});
  CHECK(tracked.wait_for(1h));
  CHECK(gate->names() == Names{"tracked"});
}

TEST_CASE("the backlog takes turns with what is new") {
  ManualClock clock{some_time};
  const auto gate = std::make_shared<GateSink>();
  gate->on_maintain(fail);
  Collector collector{gate, {.maintain_interval = 1ms, .clock = &clock}};
  wait_until([&] { return collector.statistics().sink.failures[Error::in_doubt] > 0; });
  for (int i = 0; i < 7; ++i) collector.track("kept");
  gate->on_maintain({});
  for (std::size_t turn = 0; turn < 3; ++turn) {
    gate->wait_for_writes(2 * turn + 1);
    collector.collect(event_named("new"), [](const Receipt&, const Error*) {});
    gate->let_one();
    gate->wait_for_writes(2 * turn + 2);
    gate->let_one();
  }
  collector.close(1h);
  const std::vector<Names> expected{
      {"kept"}, {"new"}, {"kept", "kept"}, {"new"}, {"kept", "kept", "kept", "kept"}, {"new"}};
  CHECK(gate->batches() == expected);
}

}  // namespace eventcollect::test
