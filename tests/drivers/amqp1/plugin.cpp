// RabbitMQ's plugin for AMQP 1.0.
#include "drivers/amqp1/support.hpp"

namespace eventcollect::test {
namespace {

std::string failure_of_write(Sink& sink) {
  return error_text([&] { write(sink, numbered_batch("e", 1)); });
}

}  // namespace

TEST_CASE("of RabbitMQ's plugin only a queue that exists is taken") {
  enable_amqp1();
  const auto url = service_url("AMQP_PLUGIN");
  if (!url || !service_url("SERVICES")) return;
  for (const char* name : {"events", "/queue/events", "/exchange/amq.topic"}) {
    CAPTURE(name);
    const auto sink = open_sink(queue_url(*url, name));
    const auto source = open_source(queue_url(*url, name));
    Delivery delivery;
    for (const std::string& said :
         {failure_of_write(*sink), error_text([&] { source->read(delivery, {}); })}) {
      CAPTURE(said);
      CHECK(contains_text(said, "misconfigured: "));
      CHECK(contains_text(said, "scheme amqp"));
      CHECK(contains_text(said, "/amq/queue/NAME"));
    }
  }
  const std::string queue = new_queue();
  const std::string place = queue_url(*url, "/amq/queue/" + queue);
  const std::string missing = failure_of_write(*open_sink(place));
  CAPTURE(missing);
  CHECK(contains_text(missing, "misconfigured: "));

  tell_services("rabbitmqctl eval 'rabbit_amqqueue:declare({resource, <<\"/\">>, queue, <<\"" +
                queue + "\">>}, true, false, [], none, <<\"tests\">>).' >/dev/null");
  const Batch batch = numbered_batch("e", 1'000);
  write(*open_sink(place), batch);
  const auto source = open_source(place);
  const Delivery delivery = read_count(*source, 1'000);
  CHECK((delivery.batch.ndjson() == batch.ndjson()));
  source->acknowledge(delivery);
}

TEST_CASE("a wrong password is rejected although the plugin lets anybody in without one") {
  enable_amqp1();
  const auto url = service_url("AMQP_PLUGIN");
  if (!url) return;
  const auto sink = open_sink("amqp1://guest:hunter2@127.0.0.1:" + std::to_string(port_of(*url)) +
                              "/?queue=/amq/queue/q");
  const std::string said = failure_of_write(*sink);
  CAPTURE(said);
  CHECK(contains_text(said, "misconfigured: "));
  CHECK(contains_text(said, "unauthorized-access"));
  CHECK_FALSE(contains_text(said, "hunter2"));
}

}  // namespace eventcollect::test
