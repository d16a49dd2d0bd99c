// The source against brokers that are well.
#include "contract/source_contract.hpp"
#include "drivers/amqp1/support.hpp"

namespace eventcollect::test {
namespace {

class Amqp1SourceBench final : public SourceBench {
 public:
  // Classic syncs each acknowledgement, so that many take long: until they are done, the broker
  // does not answer a close, and may send the one that goes what is then late for the next.
  explicit Amqp1SourceBench(const std::string& url)
      : url_{queue_url(url, new_queue(), "&timeout=120s")} {}

  void put(const Batch& batch) override { write(*sink_, batch); }
  std::shared_ptr<Source> open() override { return open_source(url_); }

 private:
  std::string url_;
  std::shared_ptr<Sink> sink_ = open_sink(url_);
};

}  // namespace

TEST_CASE("the amqp1 source keeps the contract") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker);
    if (!url) return;
    Amqp1SourceBench bench{*url};
    CHECK(source_violations(bench) == std::vector<std::string>{});
  }
}

TEST_CASE("what is no event comes as it is, in its place, over AMQP 1.0") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker);
    if (!url) return;
    const std::string queue = new_queue();
    const auto sink = open_sink(queue_url(*url, queue));
    BareClient1 client{*url};
    const Batch before = numbered_batch("before", 1);
    const Batch after = numbered_batch("after", 1);
    const std::vector<std::string> bodies{"", "no event", std::string("\0\xff", 2),
                                          std::string(300'000, 'x'), R"({"event":"e"})"};
    write(*sink, before);
    for (const std::string& body : bodies) {
      REQUIRE(client.send(queue, message_with(body)) == PN_ACCEPTED);
    }
    write(*sink, after);
    auto source = open_source(queue_url(*url, queue));
    const Delivery delivery = read_count(*source, 2 + bodies.size());
    REQUIRE(delivery.rejections.size() == bodies.size());
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      CHECK((delivery.rejections[i].raw == bodies[i]));
      CHECK_FALSE(delivery.rejections[i].code.empty());
    }
    CHECK(delivery.batch.ndjson() == std::string{before.ndjson()} + std::string{after.ndjson()});
    source->acknowledge(delivery);
    source.reset();
    CHECK(client.take_lines(queue).empty());
  }
}

TEST_CASE("a message with another kind of body is read, or comes as it is") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  const std::string queue = new_queue();
  BareClient1 client{*url};
  const Batch batch = numbered_batch("e", 2);
  const std::string line{batch.front().line};
  REQUIRE(line.size() < 256);
  const std::string size(1, static_cast<char>(line.size()));
  const std::string string_value = std::string{"\0\x53\x77\xa1", 4} + size + line;
  const std::string list_value{"\0\x53\x77\x45", 4};
  REQUIRE(client.send(queue, string_value) == PN_ACCEPTED);
  REQUIRE(client.send(queue, list_value) == PN_ACCEPTED);
  const auto source = open_source(queue_url(*url, queue));
  const Delivery delivery = read_count(*source, 2);
  REQUIRE(delivery.batch.size() == 1);
  CHECK(delivery.batch.front().line == line);
  REQUIRE(delivery.rejections.size() == 1);
  CHECK(contains_text(delivery.rejections[0].raw, list_value));
  source->acknowledge(delivery);
}

TEST_CASE("a delivery over AMQP 1.0 is bounded in events and in bytes") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  const std::string place = queue_url(*url, new_queue());
  const Batch batch = numbered_batch("e", 20);
  write(*open_sink(place), batch);
  const std::size_t bytes_of_one = batch.bytes() / 20 + 1;
  const auto source = open_source(place);
  Delivery delivery = read_count(*source, 1, 1);
  struct Bound {
    std::size_t events, bytes, expected;
  };
  for (const Bound& bound :
       {Bound{7, 1 << 20, 7}, Bound{10'000, 1, 1}, Bound{10'000, 4 * bytes_of_one, 4}}) {
    CAPTURE(bound.bytes);
    delivery.clear();
    for (int i = 0; i < 3; ++i) {
      source->read(
          delivery,
          {.wait = std::chrono::seconds{1}, .max_events = bound.events, .max_bytes = bound.bytes});
    }
    CHECK(delivery.batch.size() == bound.expected);
  }
}

TEST_CASE("the broker sends ahead no more than twice what a delivery may hold") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker);
    if (!url) return;
    const std::string queue = new_queue();
    const Batch batch = numbered_batch("e", 100);
    write(*open_sink(queue_url(*url, queue)), batch);
    const auto first = open_source(queue_url(*url, queue));
    const Delivery some = read_count(*first, 10, 10);
    // The rest is there for another one.
    const auto second = open_source(queue_url(*url, queue));
    CHECK(read_count(*second, 80, 80).batch.size() == 80);
    first->acknowledge(some);
  }
}

TEST_CASE("large events go through AMQP 1.0 in a window of bytes") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker);
    if (!url) return;
    const std::string place = queue_url(*url, new_queue(), "&timeout=60s");
    std::vector<std::string> texts;  // more than the engine holds: 64 MiB
    const std::string filler(64'000, 'x');
    for (int i = 0; i < 1'200; ++i) {
      texts.push_back(R"({"event":"large","properties":{"text":")" + filler + R"("}})");
    }
    const Batch batch = batch_of(texts);
    write(*open_sink(place), batch);
    const auto source = open_source(place);
    std::string read;
    while (read.size() < batch.bytes()) {
      const Delivery delivery = read_count(*source, 1);
      REQUIRE_FALSE(delivery.empty());
      read += delivery.batch.ndjson();
      source->acknowledge(delivery);
    }
    CHECK((read == batch.ndjson()));
  }
}

}  // namespace eventcollect::test
