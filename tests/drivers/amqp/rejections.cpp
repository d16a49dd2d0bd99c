// What the broker does not want, and what the sink says of it.
#include "drivers/amqp/options.hpp"
#include "drivers/amqp/support.hpp"
#include "drivers/amqp/topology.hpp"
#include "support/manual_timer.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {

TEST_CASE("a wrong password or virtual host is named, without the password") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const std::string place = "@127.0.0.1:" + std::to_string(port_of(*url)) + "/";
  const auto rejected = open_sink("amqp://guest:hunter2" + place);
  for (const std::string& said : {error_of([&] { rejected->maintain(); }),
                                  error_of([&] { write(*rejected, numbered_batch("e", 1)); })}) {
    CAPTURE(said);
    CHECK(contains(said, "misconfigured: "));
    CHECK(contains(said, "ACCESS_REFUSED"));
    CHECK_FALSE(contains(said, "hunter2"));
  }
  const auto source = open_source("amqp://guest:hunter2" + place);
  Delivery delivery;
  const std::string said = error_of<Error>([&] { source->read(delivery, {}); });
  CHECK(contains(said, "misconfigured: "));
  CHECK_FALSE(contains(said, "hunter2"));
  const auto elsewhere = open_sink("amqp://guest:guest" + place + "nowhere");
  CHECK(contains(error_of([&] { elsewhere->maintain(); }), "misconfigured: "));
}

TEST_CASE("a broker that is not there is unavailable") {
  enable_amqp();
  const auto sink = open_sink("amqp://guest:guest@127.0.0.1:1");
  CHECK(contains(error_of([&] { sink->maintain(); }), "unavailable: amqp: 127.0.0.1:1: "));
  CHECK(contains(error_of([&] { write(*sink, numbered_batch("e", 1)); }), "unavailable: "));
}

TEST_CASE("a queue that is missing or of another kind is named, with what to do") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  const auto sink = open_sink(queue.url("&declare=off"));
  const std::string missing = error_of([&] { sink->maintain(); });
  CAPTURE(missing);
  CHECK(contains(missing, "misconfigured: "));
  CHECK(contains(missing, queue.name()));
  CHECK(contains(missing, "declare=off"));

  BareClient client{*url};
  client.declare(queue.name());
  sink->maintain();
  write(*sink, numbered_batch("e", 1));
  CHECK(client.take_all(queue.name()).size() == 1);
  const std::string other = error_of([&] { open_sink(queue.url())->maintain(); });
  CAPTURE(other);
  CHECK(contains(other, "misconfigured: "));
  CHECK(contains(other, "declare=off"));
  const std::string no_exchange =
      error_of([&] { open_sink(*url + "?exchange=nowhere")->maintain(); });
  CHECK(contains(no_exchange, "misconfigured: "));
  CHECK(contains(no_exchange, "nowhere"));
}

TEST_CASE("events that no queue gets are an error") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const auto sink = open_sink(*url + "?exchange=amq.direct&routing_key=nobody-listens");
  sink->maintain();
  for (const std::size_t count : {std::size_t{1}, std::size_t{1'000}}) {
    const std::string said = error_of([&] { write(*sink, numbered_batch("lost", count)); });
    CAPTURE(said);
    CHECK(contains(said, "misconfigured: "));
    CHECK(contains(said, "nobody-listens"));
    CHECK(contains(said, "NO_ROUTE"));
  }
}

TEST_CASE("a queue that is deleted under the sink is made again") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  ManualTimer timer;
  AmqpSink sink{amqp::sink_options_of(Url::parse(queue.made())), timer};
  write(sink, numbered_batch("before", 1));
  BareClient client{*url};
  client.remove(queue.name());
  CHECK(contains(error_of([&] { write(sink, numbered_batch("e", 1)); }), "misconfigured: "));
  CHECK(contains(error_of([&] { write(sink, numbered_batch("e", 1)); }), "is new"));
  timer.advance(amqp::new_queue_wait);
  const Batch batch = numbered_batch("after", 2);
  write(sink, batch);
  CHECK(client.take_lines(queue.name()) == lines_of(batch.ndjson()));
}

TEST_CASE("an exchange that is deleted under the sink is an error") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  BareClient client{*url};
  const std::string name = queue.name() + ".exchange";
  amqp_exchange_declare(client.state(), 1, amqp_text(name), amqp_text("fanout"), 0, 0, 0, 0,
                        amqp_empty_table);
  client.check();
  const auto sink = open_sink(queue.made("&exchange=" + name));
  write(*sink, numbered_batch("e", 1));
  amqp_exchange_delete(client.state(), 1, amqp_text(name), 0);
  client.check();
  const std::string said = error_of([&] { write(*sink, numbered_batch("e", 1)); });
  CAPTURE(said);
  CHECK(contains(said, "misconfigured: "));
  CHECK(contains(said, name));
  CHECK(contains(error_of([&] { sink->maintain(); }), "misconfigured: "));
}

TEST_CASE("a full queue rejects, and nothing that was rejected counts as stored") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  for (const std::string kind : {"classic", "quorum"}) {
    CAPTURE(kind);
    const TestQueue queue{*url};
    BareClient client{*url};
    client.declare(
        queue.name(),
        {{"x-queue-type", kind}, {"x-max-length", "5"}, {"x-overflow", "reject-publish"}});
    const auto sink = open_sink(queue.url("&declare=off"));
    // A quorum queue notices a little late that it is full.
    std::string said;
    std::size_t stored = 0;
    for (; stored < 100'000 && said.empty(); ++stored) {
      said = error_of([&] { write(*sink, numbered_batch("e", 1)); });
    }
    CAPTURE(said);
    CHECK(contains(said, "unavailable: "));
    CHECK(contains(said, "1 of 1"));
    CHECK(client.take_all(queue.name()).size() == stored - 1);

    const std::string of_many = error_of([&] { write(*sink, numbered_batch("e", 10'000)); });
    CAPTURE(of_many);
    CHECK(contains(of_many, "in_doubt: "));  // some of them are stored
    client.take_all(queue.name());
    const Batch batch = numbered_batch("at last", 1);
    std::size_t tries = 0;
    while (tries < 1'000 && !error_of([&] { write(*sink, batch); }).empty()) ++tries;
    CHECK(client.take_lines(queue.name()) == lines_of(batch.ndjson()));
  }
}

}  // namespace eventcollect::test
