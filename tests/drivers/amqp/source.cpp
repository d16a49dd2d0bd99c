// The source against a RabbitMQ that is well.
#include "contract/source_contract.hpp"
#include "drivers/amqp/support.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;

class AmqpSourceBench final : public SourceBench {
 public:
  AmqpSourceBench(const std::string& url, std::string options)
      : queue_{url}, options_{std::move(options)}, sink_{open_sink(queue_.made(options_))} {}

  void put(const Batch& batch) override { write(*sink_, batch); }
  std::shared_ptr<Source> open() override { return open_source(queue_.url(options_)); }

 private:
  TestQueue queue_;
  std::string options_;
  std::shared_ptr<Sink> sink_;
};

}  // namespace

TEST_CASE("the amqp source keeps the contract with each kind of queue") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  for (const std::string kind : {"&declare=quorum", "&declare=classic"}) {
    CAPTURE(kind);
    AmqpSourceBench bench{*url, kind};
    CHECK(source_violations(bench) == std::vector<std::string>{});
  }
}

TEST_CASE("the amqp source reads over TLS") {
  const auto url = service_url("AMQPS");
  const auto plain_url = service_url("AMQP");
  const auto authority = service_url("CA");
  if (!url || !plain_url || !authority) return;
  enable_amqp();
  const TestQueue queue{*plain_url};
  const Batch batch = numbered_batch("e", 2'000);
  write(*open_sink(queue.made()), batch);
  const auto source = open_source(*url + "?queue=" + queue.name() + "&ca_file=" + *authority);
  const Delivery delivery = read_some(*source, 2'000);
  CHECK(delivery.batch.ndjson() == batch.ndjson());
  source->acknowledge(delivery);
}

TEST_CASE("what is no event comes as it is, in its place, and is acknowledged with the rest") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  const auto sink = open_sink(queue.made());
  BareClient client{*url};
  const Batch before = numbered_batch("before", 1);
  const Batch after = numbered_batch("after", 1);
  const std::vector<std::string> wrong{"", "no event", std::string("\0\xff", 2),
                                       std::string(300'000, 'x'), R"({"event":"e"})"};
  write(*sink, before);
  for (const std::string& body : wrong) client.publish(queue.name(), body);
  client.depth(queue.name());  // when this is answered, the broker has them
  write(*sink, after);

  auto source = open_source(queue.url());
  const Delivery delivery = read_some(*source, 2 + wrong.size());
  REQUIRE(delivery.rejections.size() == wrong.size());
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    CHECK(delivery.rejections[i].raw == wrong[i]);
    CHECK_FALSE(delivery.rejections[i].code.empty());
  }
  CHECK(delivery.batch.ndjson() == std::string{before.ndjson()} + std::string{after.ndjson()});
  source->acknowledge(delivery);
  source.reset();
  CHECK(client.take_all(queue.name()).empty());
}

TEST_CASE("a delivery is bounded in events and in bytes") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  const Batch batch = numbered_batch("e", 20);
  write(*open_sink(queue.made()), batch);
  const std::size_t bytes_of_one = batch.bytes() / 20 + 1;
  const auto source = open_source(queue.url());
  Delivery delivery = read_some(*source, 1, 1);
  struct Bound {
    std::size_t events, bytes, expected;
  };
  for (const Bound& bound :
       {Bound{7, 1 << 20, 7}, Bound{10'000, 1, 1}, Bound{10'000, 4 * bytes_of_one, 4}}) {
    CAPTURE(bound.bytes);
    delivery.clear();
    for (int i = 0; i < 3; ++i) {
      source->read(delivery, {.wait = 1s, .max_events = bound.events, .max_bytes = bound.bytes});
    }
    CHECK(delivery.batch.size() == bound.expected);
  }
}

TEST_CASE("the broker sends ahead as much as prefetch says") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  write(*open_sink(queue.made()), numbered_batch("e", 100));
  BareClient client{*url};
  const auto source = open_source(queue.url("&prefetch=10"));
  Delivery first = read_some(*source, 10);
  source->read(first, {.wait = 50ms});
  CHECK(first.batch.size() == 10);
  source->acknowledge(first);
  const Delivery second = read_some(*source, 10);
  CHECK(second.batch.size() == 10);
  while (client.depth(queue.name()) != 80) {
  }

  Delivery delivery;
  const auto too_much = [&] { source->read(delivery, {.max_events = 65'536}); };
  CHECK(contains(error_of<Error>(too_much), "misconfigured: "));
  CHECK(source->read(delivery, {.max_events = 65'535}));
}

TEST_CASE("what the broker sends ahead grows with what is asked for") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  for (const std::string kind : {"&declare=quorum", "&declare=classic"}) {
    CAPTURE(kind);
    const TestQueue queue{*url};
    const Batch batch = numbered_batch("e", 10'000);
    write(*open_sink(queue.made(kind)), batch);
    const auto source = open_source(queue.url(kind));
    std::string read;
    std::size_t most = 1;
    Delivery delivery;
    // What is gathered beyond the first prefetch comes after an acknowledgement.
    for (int tries = 0; tries < 2'000 && read.size() < batch.bytes(); ++tries) {
      source->read(delivery, {.wait = 100ms, .max_events = most});
      if (delivery.batch.size() < most && tries % 3 != 0) continue;  // some are gathered
      read += delivery.batch.ndjson();
      source->acknowledge(delivery);
      delivery.clear();
      most = std::min<std::size_t>(most * 5 / 4 + 1, 5'000);
    }
    CHECK((read == batch.ndjson()));
    CHECK(most > 1'000);
  }
}

TEST_CASE("an acknowledgement arrives although the source goes at once, with much unread") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  write(*open_sink(queue.made()), numbered_batch("e", 5'000));
  for (int i = 0; i < 10; ++i) {
    const auto source = open_source(queue.url("&prefetch=5000"));
    source->acknowledge(read_some(*source, 1, 1));
  }
  BareClient client{*url};
  CHECK(client.take_all(queue.name()).size() == 4'990);
}

TEST_CASE("a queue that is deleted under the source is an error, and is found again") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  const auto source = open_source(queue.url());
  Delivery delivery;
  source->read(delivery, {});
  BareClient client{*url};
  client.remove(queue.name());
  const std::string said = error_of<Error>([&] { source->read(delivery, {.wait = 30s}); });
  CAPTURE(said);
  CHECK(contains(said, "unavailable: "));
  CHECK(contains(said, queue.name()));
  const Batch batch = numbered_batch("e", 3);
  write(*open_sink(queue.made()), batch);
  CHECK(read_some(*source, 3).batch.ndjson() == batch.ndjson());
}

TEST_CASE("a source whose queue is missing with declare=off says so") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  const auto source = open_source(queue.url("&declare=off"));
  Delivery delivery;
  const std::string said = error_of<Error>([&] { source->read(delivery, {}); });
  CAPTURE(said);
  CHECK(contains(said, "misconfigured: "));
  CHECK(contains(said, queue.name()));
}

}  // namespace eventcollect::test
