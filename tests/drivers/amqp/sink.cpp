// The sink against a RabbitMQ that is well.
#include "contract/sink_contract.hpp"
#include "drivers/amqp/support.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

class AmqpBench final : public Bench {
 public:
  AmqpBench(const std::string& url, std::string options)
      : queue_{url}, options_{std::move(options)}, client_{url} {}

  std::shared_ptr<Sink> open() override { return open_sink(queue_.made(options_)); }

  std::vector<std::string> durable_lines() override {
    for (std::string& line : client_.take_lines(queue_.name())) lines_.push_back(std::move(line));
    return lines_;
  }

 private:
  TestQueue queue_;
  std::string options_;
  BareClient client_;
  std::vector<std::string> lines_;
};

std::string large_event(std::size_t number) {
  const std::string head =
      R"({"event":"large)" + std::to_string(number) + R"(","properties":{"text":")";
  const std::string tail = R"("}})";
  return head + std::string((64 << 10) - head.size() - tail.size(), 'x') + tail;
}

}  // namespace

TEST_CASE("the amqp sink keeps the contract with each kind of queue") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  for (const std::string kind : {"quorum", "classic"}) {
    CAPTURE(kind);
    AmqpBench bench{*url, std::string{"&declare="} + kind};
    CHECK(violations(bench) == std::vector<std::string>{});
  }
}

TEST_CASE("a message says what event it is") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  std::string name;  // 128 characters of three bytes
  for (int i = 0; i < 128; ++i) name += "例";
  const Batch batch =
      batch_of({R"({"event":"clicked","event_id":"0193BC5F-2F3A-7C3E-8A45-0123456789AB"})",
                event_named(name)});
  write(*open_sink(queue.made()), batch);

  BareClient client{*url};
  const auto messages = client.take_all(queue.name());
  REQUIRE(messages.size() == 2);
  const BareMessage& message = messages[0];
  CHECK(message.body == lines_of(batch.ndjson())[0]);
  CHECK(message.message_id == "0193bc5f-2f3a-7c3e-8a45-0123456789ab");
  CHECK(message.type == "clicked");
  CHECK(message.content_type == "application/json");
  CHECK(message.app_id == "eventcollect");
  CHECK(message.properties.delivery_mode == 2);
  CHECK(message.properties.timestamp == 1'893'456'000);
  CHECK(messages[1].type == name.substr(0, 255));
  CHECK(messages[1].body == lines_of(batch.ndjson())[1]);
}

TEST_CASE("a type is cut between characters") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  std::string name;  // 128 characters of four bytes: 255 is in the middle of one
  for (int i = 0; i < 128; ++i) name += "🙂";
  write(*open_sink(queue.made()), batch_of({event_named(name)}));
  BareClient client{*url};
  CHECK(client.take_all(queue.name()).at(0).type == name.substr(0, 252));
}

TEST_CASE("a large batch is in flight at once") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  std::vector<std::string> texts;
  texts.reserve(1'000);
  for (std::size_t i = 0; i < 1'000; ++i) texts.push_back(large_event(i));
  const Batch batch = batch_of(texts);
  write(*open_sink(queue.made("&timeout=120s")), batch);
  BareClient client{*url};
  CHECK(client.take_lines(queue.name()) == lines_of(batch.ndjson()));
}

TEST_CASE("events go through an exchange to the queue that is bound to it") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  const auto sink = open_sink(queue.made("&exchange=amq.topic&routing_key=" + queue.name() + ".x"));
  const Batch batch = numbered_batch("routed", 3);
  write(*sink, batch);
  BareClient client{*url};
  CHECK(client.take_lines(queue.name()) == lines_of(batch.ndjson()));
}

TEST_CASE("the dead-letter queue gets what a consumer rejects") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  for (const std::string kind : {"&declare=quorum", "&declare=classic&dead_letter="}) {
    CAPTURE(kind);
    const TestQueue queue{*url};
    const std::string dead = queue.name() + ".dead";
    write(*open_sink(queue.made(kind == "&declare=quorum" ? kind : kind + dead)),
          numbered_batch("rejected", 1));
    BareClient client{*url};
    const amqp_rpc_reply_t got = amqp_basic_get(client.state(), 1, amqp_text(queue.name()), 0);
    REQUIRE(got.reply.id == AMQP_BASIC_GET_OK_METHOD);
    amqp_message_t message;
    REQUIRE(amqp_read_message(client.state(), 1, &message, 0).reply_type == AMQP_RESPONSE_NORMAL);
    amqp_destroy_message(&message);
    REQUIRE(amqp_basic_reject(client.state(), 1, 1, 0) == AMQP_STATUS_OK);
    while (client.depth(dead) == 0) {
    }
    CHECK(client.take_all(dead).size() == 1);
  }
}

TEST_CASE("the amqp sink writes over TLS to whom it knows and to nobody else") {
  const auto url = service_url("AMQPS");
  const auto plain_url = service_url("AMQP");
  const auto authority = service_url("CA");
  if (!url || !plain_url || !authority) return;
  enable_amqp();
  const TestQueue queue{*plain_url};
  queue.made();
  const std::string good = *url + "?queue=" + queue.name() + "&ca_file=" + *authority;
  const Batch batch = numbered_batch("secret", 1'000);
  write(*open_sink(good), batch);
  BareClient client{*plain_url};
  CHECK(client.take_lines(queue.name()) == lines_of(batch.ndjson()));

  const auto rejection = [&](const std::string& bad) {
    return error_of([&] { write(*open_sink(bad), batch); });
  };
  const std::string unknown = rejection(*url + "?queue=" + queue.name());
  CHECK(contains(unknown, "misconfigured: "));
  CHECK(contains(unknown, "not signed by an authority in ca_file"));
  std::string elsewhere = good;  // another spelling of the same address, which is no name of its
  elsewhere.replace(elsewhere.find("localhost"), 9, "127.1");
  const std::string mistaken = rejection(elsewhere);
  CHECK(contains(mistaken, "misconfigured: "));
  CHECK(contains(mistaken, "not for this host"));
  const std::string missing = rejection(*url + "?queue=x&ca_file=/no/such/file");
  CHECK(contains(missing, "misconfigured: "));
  CHECK(contains(missing, "/no/such/file"));
  CHECK(client.depth(queue.name()) == 0);
}

TEST_CASE("the next host is tried where the first is dead") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  std::string two_hosts = queue.made();
  two_hosts.insert(two_hosts.find("127.0.0.1"), "127.0.0.1:1,[::1]:1,");
  const auto sink = open_sink(two_hosts);
  const Batch batch = numbered_batch("e", 2);
  sink->maintain();
  write(*sink, batch);
  BareClient client{*url};
  CHECK(client.take_lines(queue.name()) == lines_of(batch.ndjson()));
}

}  // namespace eventcollect::test
