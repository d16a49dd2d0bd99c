// The source against a broker and a network that fail.
#include <random>
#include <set>

#include "drivers/amqp/support.hpp"
#include "support/cutting_proxy.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;

// Reads until there is something, whatever is thrown meanwhile.
Delivery read_through(Source& source, std::size_t max_events = 10'000) {
  Delivery delivery;
  for (int tries = 0; tries < 200 && delivery.empty(); ++tries) {
    error_of<Error>([&] { source.read(delivery, {.wait = 1s, .max_events = max_events}); });
  }
  REQUIRE_FALSE(delivery.empty());
  return delivery;
}

}  // namespace

TEST_CASE("a late acknowledgement settles nothing of the next session") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  for (const std::string kind : {"&declare=quorum", "&declare=classic"}) {
    CAPTURE(kind);
    const TestQueue queue{*url};
    const Batch batch = numbered_batch("e", 5'000);
    write(*open_sink(queue.made(kind)), batch);
    CuttingProxy proxy{"127.0.0.1", port_of(*url)};
    auto source = open_source(queue.url(kind, proxy.port()));
    const Delivery early = read_some(*source, 4'000, 4'000);
    proxy.cut_after(0);
    while (read_through(*source, 4'000).session == early.session) {
    }
    source->acknowledge(early);
    source.reset();
    BareClient client{*url};
    CHECK(client.take_lines(queue.name()).size() == 5'000);
  }
}

TEST_CASE("a delivery is emptied when its session is lost while it is gathered") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  const Batch batch = numbered_batch("e", 10);
  write(*open_sink(queue.made()), batch);
  CuttingProxy proxy{"127.0.0.1", port_of(*url)};
  const auto source = open_source(queue.url("", proxy.port()));
  Delivery delivery = read_some(*source, 10);
  proxy.cut_after(0);
  CHECK(contains(error_of<Error>([&] { source->read(delivery, {.wait = 30s}); }), "unavailable: "));
  CHECK(delivery.empty());
  CHECK(read_some(*source, 10).batch.ndjson() == batch.ndjson());
}

TEST_CASE("every event is read when connections are cut at random bytes") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  std::mt19937_64 random{seed()};
  for (const std::string kind : {"&declare=quorum", "&declare=classic"}) {
    CAPTURE(kind);
    const TestQueue queue{*url};
    CuttingProxy proxy{"127.0.0.1", port_of(*url)};
    const auto sink = open_sink(queue.made(kind));
    auto source = open_source(queue.url(kind, proxy.port()));
    std::set<std::string> put;
    std::set<std::string> acknowledged;
    const auto take = [&](Delivery& delivery) {
      source->acknowledge(delivery);
      for (std::string& line : lines_of(delivery.batch.ndjson())) acknowledged.insert(line);
      delivery.clear();
    };
    std::size_t cuts = 0;
    std::size_t failures = 0;
    Delivery delivery;
    for (std::size_t round = 0; cuts < 150 && round < 5'000; ++round) {
      proxy.cut_after(random() % 15'000);
      const Batch batch = numbered_batch("r" + std::to_string(round) + "-", 1 + random() % 40);
      write(*sink, batch);
      for (std::string& line : lines_of(batch.ndjson())) put.insert(std::move(line));
      for (int i = 0; i < 3; ++i) {
        const std::string error = error_of<Error>([&] {
          source->read(delivery, {.wait = 5ms, .max_events = 1 + random() % 100});
          if (random() % 2 == 0) take(delivery);
        });
        CHECK_FALSE(contains(error, "misconfigured"));
        CHECK_FALSE(contains(error, "the broker says"));
        if (!error.empty()) ++failures;
      }
      if (proxy.cancel_cut()) ++cuts;
    }
    CHECK(cuts == 150);
    CHECK(failures > 50);
    delivery.clear();
    while (acknowledged.size() < put.size()) {
      delivery = read_through(*source);
      take(delivery);
    }
    CHECK((acknowledged == put));
    // What was acknowledged on a connection that was cut may come once more.
    const auto read_more = [&] { source->read(delivery, {.wait = 1s}); };
    for (read_more(); !delivery.empty(); read_more()) take(delivery);
    CHECK((acknowledged == put));
    source.reset();
    BareClient client{*url};
    CHECK(client.take_lines(queue.name()).empty());
  }
}

TEST_CASE("a source reads on when the broker was killed and started") {
  const auto url = service_url("AMQP");
  if (!url || !service_url("SERVICES")) return;
  enable_amqp();
  const TestQueue queue{*url};
  const Batch batch = numbered_batch("e", 1'000);
  write(*open_sink(queue.made()), batch);
  const auto source = open_source(queue.url());
  const Delivery first = read_some(*source, 100, 100);
  source->acknowledge(first);
  const Delivery second = read_some(*source, 100, 100);
  let_broker_note_its_queues();
  {
    const ServiceOutage outage{"rabbitmq"};
    Delivery none;
    CHECK(contains(error_of<Error>([&] { source->read(none, {.wait = 30s}); }), "unavailable: "));
    CHECK(contains(error_of<Error>([&] { source->read(none, {.wait = 30s}); }), "unavailable: "));
  }
  std::set<std::string> missing;
  for (std::string& line : lines_of(batch.ndjson())) missing.insert(std::move(line));
  for (const std::string& line : lines_of(first.batch.ndjson())) missing.erase(line);
  while (!missing.empty()) {
    const Delivery delivery = read_through(*source);
    for (const std::string& line : lines_of(delivery.batch.ndjson())) missing.erase(line);
    source->acknowledge(delivery);
  }
  source->acknowledge(second);
}

TEST_CASE("a caller may be busy for longer than the broker waits for a heartbeat") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  const auto sink = open_sink(queue.made("&heartbeat=60s"));
  std::vector<std::string> texts;  // more than is held for a busy caller: 64 MiB
  texts.reserve(1'200);
  const std::string filler(64'000, 'x');
  for (int i = 0; i < 1'200; ++i) {
    texts.push_back(R"({"event":"large","properties":{"text":")" + filler + R"("}})");
  }
  const Batch batch = batch_of(texts);
  write(*sink, batch);

  const auto source = open_source(queue.url("&heartbeat=3s&prefetch=65535"));
  const Delivery first = read_some(*source, 1, 1);
  const BareClient silent{*url, 3};
  wait_until_given_up(silent, [] {});  // as the broker would have given us up
  source->acknowledge(first);
  std::size_t count = 1;
  while (count < 1'200) {
    const Delivery delivery = read_some(*source, 1);
    CHECK(delivery.session == first.session);
    source->acknowledge(delivery);
    count += delivery.batch.size();
  }
  CHECK(count == 1'200);
}

}  // namespace eventcollect::test
