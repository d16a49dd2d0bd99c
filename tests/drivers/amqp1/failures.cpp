// Sink and source against brokers and a network that fail.
#include "drivers/amqp1/hardships.hpp"
#include "drivers/amqp1/support.hpp"
#include "support/cutting_proxy.hpp"

namespace eventcollect::test {
TEST_CASE("nothing is lost when an AMQP 1.0 broker is killed and started under load") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker);
    if (!url || !service_url("SERVICES")) return;
    check_killed(service_of(broker), queue_url(*url, new_queue()));
  }
}

TEST_CASE("a broker that is stopped is given up at the deadline, and used again when it goes on") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker);
    if (!url || !service_url("SERVICES")) return;
    check_stopped(service_of(broker), queue_url(*url, new_queue()));
  }
}

TEST_CASE("nothing is lost when connections of AMQP 1.0 are cut at random bytes") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (url) check_cut(queue_url(*url, new_queue()));
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
