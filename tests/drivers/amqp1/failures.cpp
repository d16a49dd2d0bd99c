// Sink and source against brokers and a network that fail.
#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <thread>

#include "drivers/amqp1/support.hpp"
#include "support/cutting_proxy.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;

// Writes numbered batches and remembers the lines that write() returned for.
class Writer1 {
 public:
  std::set<std::string> stored;
  std::size_t failures = 0;

  // Whether the batch was stored.
  bool write(Sink& sink, std::size_t count) {
    const Batch batch = numbered_batch("batch" + std::to_string(++batches_) + "-", count);
    const std::string said = error_text([&] { test::write(sink, batch); });
    CAPTURE(said);
    CHECK_FALSE(contains_text(said, "misconfigured"));
    if (!said.empty()) {
      ++failures;
      return false;
    }
    for (std::string& line : lines_of(batch.ndjson())) stored.insert(std::move(line));
    return true;
  }

 private:
  std::size_t batches_ = 0;
};

// Reads and acknowledges, whatever is thrown meanwhile, until all of `expected` have come.
std::string missing_after_reading(Source& source, std::set<std::string> expected) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  Delivery delivery;
  while (!expected.empty() && std::chrono::steady_clock::now() < deadline) {
    error_text([&] {
      source.read(delivery, {.wait = 1s});
      source.acknowledge(delivery);
    });
    for (const std::string& line : lines_of(delivery.batch.ndjson())) expected.erase(line);
    delivery.clear();
  }
  return expected.empty() ? "" : std::to_string(expected.size()) + ", as " + *expected.begin();
}

// A broker whose process is stopped as long as this lives.
class Pause {
 public:
  explicit Pause(std::string service) : service_{std::move(service)} {
    tell_services("pause " + service_);
  }
  ~Pause() { tell_services("resume " + service_); }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  std::string service_;
};

}  // namespace

TEST_CASE("nothing is lost when an AMQP 1.0 broker is killed and started under load") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker);
    if (!url || !service_url("SERVICES")) return;
    const std::string place = queue_url(*url, new_queue());
    const auto sink = open_sink(place);
    const auto source = open_source(place);
    Writer1 writer;
    REQUIRE(writer.write(*sink, 500));
    const Delivery first = read_count(*source, 100, 100);
    source->acknowledge(first);
    const Delivery second = read_count(*source, 100, 100);
    {
      std::thread killer{[&] { kill_service(service_of(broker)); }};
      while (writer.write(*sink, 100)) {
      }
      killer.join();
    }
    CHECK(contains_text(error_text([&] { sink->maintain(); }), "unavailable: "));
    Delivery none;
    CHECK(contains_text(error_text([&] { source->read(none, {.wait = 30s}); }), "unavailable: "));
    start_service(service_of(broker));
    std::size_t tries = 0;
    while (!writer.write(*sink, 100) && tries < 100) ++tries;
    source->acknowledge(second);  // does nothing: these come again
    std::set<std::string> expected = writer.stored;
    for (const std::string& line : lines_of(first.batch.ndjson())) expected.erase(line);
    CHECK(missing_after_reading(*source, expected) == "");
  }
}

TEST_CASE("a broker that is stopped is given up at the deadline, and used again when it goes on") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker);
    if (!url || !service_url("SERVICES")) return;
    const std::string place = queue_url(*url, new_queue());
    const auto sink = open_sink(place + "&timeout=1s");
    const auto fresh = open_sink(place + "&timeout=1s");
    const auto source = open_source(place + "&heartbeat=1s");
    Writer1 writer;
    std::size_t tries = 0;
    while (!writer.write(*sink, 1) && tries < 100) ++tries;
    Delivery delivery = read_count(*source, 1);
    {
      const Pause pause{service_of(broker)};
      CHECK(contains_text(error_text([&] { write(*sink, numbered_batch("e", 1)); }), "in_doubt: "));
      CHECK(contains_text(error_text([&] { sink->maintain(); }), "unavailable: "));
      CHECK(contains_text(error_text([&] { fresh->maintain(); }), "did not answer in time"));
      delivery.clear();
      CHECK(contains_text(error_text([&] { source->read(delivery, {.wait = 60s}); }),
                          "unavailable: "));
    }
    tries = 0;
    while (!writer.write(*sink, 1) && tries < 100) ++tries;
    CHECK(missing_after_reading(*source, writer.stored) == "");
  }
}

TEST_CASE("nothing is lost when connections of AMQP 1.0 are cut at random bytes") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  std::mt19937_64 random{seed()};
  const std::string queue = new_queue();
  CuttingProxy sink_proxy{"127.0.0.1", port_of(*url)};
  CuttingProxy source_proxy{"127.0.0.1", port_of(*url)};
  const auto sink = open_sink(queue_url(*url, queue, "", sink_proxy.port()));
  auto source = open_source(queue_url(*url, queue, "", source_proxy.port()));
  Writer1 writer;
  std::set<std::string> acknowledged;
  std::size_t cuts = 0;
  std::size_t failures = 0;
  Delivery delivery;
  for (std::size_t round = 0; cuts < 100 && round < 2'000; ++round) {
    sink_proxy.cut_after(random() % 30'000);
    source_proxy.cut_after(random() % 30'000);
    for (int i = 0; i < 3; ++i) writer.write(*sink, 1 + random() % 40);
    for (int i = 0; i < 3; ++i) {
      const std::string said = error_text([&] {
        source->read(delivery, {.wait = 5ms, .max_events = 1 + random() % 100});
        if (random() % 2 == 0) return;
        source->acknowledge(delivery);
        for (std::string& line : lines_of(delivery.batch.ndjson())) acknowledged.insert(line);
        delivery.clear();
      });
      CAPTURE(said);
      CHECK_FALSE(contains_text(said, "misconfigured"));
      if (!said.empty()) ++failures;
    }
    if (sink_proxy.cancel_cut()) ++cuts;
    if (source_proxy.cancel_cut()) ++cuts;
  }
  CHECK(cuts >= 100);
  CHECK(failures > 5);
  CHECK(writer.failures > 20);
  CHECK(writer.stored.size() > 500);
  std::set<std::string> rest;
  std::set_difference(writer.stored.begin(), writer.stored.end(), acknowledged.begin(),
                      acknowledged.end(), std::inserter(rest, rest.end()));
  // What lies in `delivery` comes again in a new session only.
  source.reset();
  source = open_source(queue_url(*url, queue));
  CHECK(missing_after_reading(*source, rest) == "");
}

TEST_CASE("a connection that ends in the middle of a frame is lost at once") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  const std::string queue = new_queue();
  const Batch batch = numbered_batch("e", 1);
  CuttingProxy proxy{"127.0.0.1", port_of(*url)};
  const auto sink = open_sink(queue_url(*url, queue, "&timeout=5s", proxy.port()));
  sink->maintain();
  const std::size_t before = proxy.bytes();
  write(*sink, batch);
  const std::size_t bytes = proxy.bytes() - before;
  // What comes last is the broker's word that it has accepted the message.
  for (std::size_t missing = 1; missing < 12; ++missing) {
    CAPTURE(missing);
    sink->maintain();
    proxy.cut_after(bytes - missing);
    const std::string said = error_text([&] { write(*sink, batch); });
    CHECK(contains_text(said, "in_doubt: amqp1: 0 of 1 events are accepted: "));
    CHECK(contains_text(said, "the connection was closed"));
  }
}

TEST_CASE("a late acknowledgement settles nothing of the next session of AMQP 1.0") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  const std::string queue = new_queue();
  const Batch batch = numbered_batch("e", 1'000);
  write(*open_sink(queue_url(*url, queue)), batch);
  CuttingProxy proxy{"127.0.0.1", port_of(*url)};
  auto source = open_source(queue_url(*url, queue, "", proxy.port()));
  const Delivery early = read_count(*source, 1'000);
  Delivery gathered = early;
  proxy.cut_after(0);
  CHECK(contains_text(error_text([&] { source->read(gathered, {.wait = 30s}); }), "unavailable: "));
  CHECK(gathered.empty());
  CHECK(read_count(*source, 1'000).session != early.session);
  source->acknowledge(early);
  source.reset();
  BareClient1 client{*url};
  CHECK(client.take_lines(queue).size() == 1'000);
}

TEST_CASE("a caller may be busy for longer than the broker waits for a heartbeat of AMQP 1.0") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS_TLS");  // two seconds, and this one X
  const auto authority = service_url("ARTEMIS_CA");
  if (!url || !authority) return;
  const std::string place = queue_url(*url, new_queue(), "&heartbeat=1s&ca_file=" + *authority);
  const Batch batch = numbered_batch("e", 100);
  CuttingProxy proxy{"127.0.0.1", port_of(*url)};
  const auto sink = open_sink(url_through(place, proxy.port()));
  write(*sink, batch);
  const auto source = open_source(place);
  const Delivery first = read_count(*source, 1, 1);
  // Five seconds, spent with another connection.
  const auto other = open_source(queue_url(*url, new_queue(), "&ca_file=" + *authority));
  for (int i = 0; i < 50; ++i) {
    sink->maintain();
    Delivery none;
    other->read(none, {.wait = 100ms});
    REQUIRE(none.empty());
  }
  source->acknowledge(first);
  // More than lies here already.
  CHECK(read_count(*source, 99).session == first.session);
  write(*sink, batch);
  CHECK(proxy.connections() == 1);
}

}  // namespace eventcollect::test
