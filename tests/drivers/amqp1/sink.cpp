// The sink against brokers that are well.
#include "contract/sink_contract.hpp"
#include "drivers/amqp1/support.hpp"

namespace eventcollect::test {
namespace {

class Amqp1Bench final : public Bench {
 public:
  explicit Amqp1Bench(const std::string& url) : url_{url}, client_{url} {}

  std::shared_ptr<Sink> open() override { return open_sink(queue_url(url_, queue_)); }

  std::vector<std::string> durable_lines() override {
    for (std::string& line : client_.take_lines(queue_)) lines_.push_back(std::move(line));
    return lines_;
  }

 private:
  std::string url_;
  std::string queue_ = new_queue();
  BareClient1 client_;
  std::vector<std::string> lines_;
};

}  // namespace

TEST_CASE("the amqp1 sink keeps the contract") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker);
    if (!url) return;
    Amqp1Bench bench{*url};
    CHECK(violations(bench) == std::vector<std::string>{});
  }
}

TEST_CASE("an AMQP 1.0 message says what event it is, and that it is durable") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  const Batch batch =
      batch_of({R"({"event":"clicked","event_id":"0193BC5F-2F3A-7C3E-8A45-0123456789AB"})"});
  amqp1::MessageWriter writer;
  const std::string encoded{writer.write(batch.front())};
  // Of the header the first field, durable; then what stock clients read.
  CHECK(encoded.starts_with(std::string_view{"\0\x53\x70\xc0\x02\x01\x41", 7}));
  for (const char* part : {"0193bc5f-2f3a-7c3e-8a45-0123456789ab", "clicked", "application/json"}) {
    CHECK(contains_text(encoded, part));
  }
  CHECK(amqp1::body_of(encoded) == batch.front().line);
}

TEST_CASE("the amqp1 sink writes over TLS to whom it knows and to nobody else") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker + "_TLS");
    const auto plain_url = service_url(broker);
    const auto authority = service_url(broker + "_CA");
    if (!url || !plain_url || !authority) return;
    const std::string queue = new_queue();
    const std::string good = queue_url(*url, queue, "&ca_file=" + *authority);
    const Batch batch = numbered_batch("secret", 100);
    write(*open_sink(good), batch);
    const auto source = open_source(good);
    const Delivery delivery = read_count(*source, 100);
    CHECK(delivery.batch.ndjson() == batch.ndjson());
    source->acknowledge(delivery);

    const auto rejection = [&](const std::string& bad) {
      return error_text([&] { write(*open_sink(bad), batch); });
    };
    const std::string unknown = rejection(queue_url(*url, queue));
    CAPTURE(unknown);
    CHECK(contains_text(unknown, "misconfigured: "));
    CHECK(contains_text(unknown, "not signed by an authority in ca_file"));
    std::string elsewhere = good;  // another spelling of the same address, which is no name of its
    elsewhere.replace(elsewhere.find("localhost"), 9, "127.1");
    const std::string mistaken = rejection(elsewhere);
    CAPTURE(mistaken);
    CHECK(contains_text(mistaken, "misconfigured: "));
    const std::string missing = rejection(queue_url(*url, queue, "&ca_file=/no/such/file"));
    CHECK(contains_text(missing, "misconfigured: "));
    CHECK(contains_text(missing, "/no/such/file"));
    // It hears TLS where it expects AMQP, and may say nothing.
    const std::string plain = rejection(url_through(good + "&timeout=1s", port_of(*plain_url)));
    CAPTURE(plain);
    CHECK(contains_text(plain, "unavailable: "));
  }
}

TEST_CASE("the next host is tried where the first does not speak AMQP 1.0") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  std::string two_hosts = queue_url(*url, new_queue());
  two_hosts.insert(two_hosts.find("127.0.0.1"), "127.0.0.1:1,[::1]:1,");
  const auto sink = open_sink(two_hosts);
  sink->maintain();
  const Batch batch = numbered_batch("e", 2);
  write(*sink, batch);
  CHECK(read_count(*open_source(two_hosts), 2).batch.ndjson() == batch.ndjson());
}

}  // namespace eventcollect::test
