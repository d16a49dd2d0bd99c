// What a broker does not want, and what the driver says of it.
#include "drivers/amqp1/support.hpp"

namespace eventcollect::test {
namespace {

std::string failure_of_write(Sink& sink, std::size_t count = 1) {
  return error_text([&] { write(sink, numbered_batch("e", count)); });
}

}  // namespace

TEST_CASE("a wrong password and a missing user are named, without the password") {
  enable_amqp1();
  for (const std::string& broker : activemq_brokers) {
    CAPTURE(broker);
    const auto url = service_url(broker);
    if (!url) return;
    const std::string place = "127.0.0.1:" + std::to_string(port_of(*url)) + "/?queue=q";
    const auto rejected = open_sink("amqp1://tester:hunter2@" + place);
    for (const std::string& said :
         {error_text([&] { rejected->maintain(); }), failure_of_write(*rejected)}) {
      CAPTURE(said);
      CHECK(contains_text(said, "misconfigured: "));
      CHECK(contains_text(said, "unauthorized-access"));
      CHECK_FALSE(contains_text(said, "hunter2"));
    }
    const auto source = open_source("amqp1://tester:hunter2@" + place);
    Delivery delivery;
    const std::string said = error_text([&] { source->read(delivery, {}); });
    CHECK(contains_text(said, "misconfigured: "));
    CHECK_FALSE(contains_text(said, "hunter2"));
    const std::string anonymous = failure_of_write(*open_sink("amqp1://" + place));
    CAPTURE(anonymous);
    CHECK(contains_text(anonymous, "misconfigured: "));
  }
}

TEST_CASE("a broker of AMQP 1.0 that is not there is unavailable") {
  enable_amqp1();
  const auto sink = open_sink("amqp1://127.0.0.1:1");
  CHECK(contains_text(error_text([&] { sink->maintain(); }),
                      "unavailable: amqp1: 127.0.0.1:1: cannot connect: Connection refused"));
  CHECK(contains_text(failure_of_write(*sink), "unavailable: "));
}

TEST_CASE("what is no queue is an error: its events would be dropped") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  for (const char* name : {"fixed.topic", "fixed.missing"}) {
    CAPTURE(name);
    const auto sink = open_sink(queue_url(*url, name));
    const auto source = open_source(queue_url(*url, name));
    Delivery delivery;
    for (const std::string& said : {error_text([&] { sink->maintain(); }), failure_of_write(*sink),
                                    error_text([&] { source->read(delivery, {}); })}) {
      CAPTURE(said);
      CHECK(contains_text(said, "misconfigured: "));
      CHECK(contains_text(said, name));
    }
  }
}

TEST_CASE("a full queue that rejects is unavailable, and takes events again when it is read") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  for (const char* policy : {"full.fail.", "full.block."}) {
    CAPTURE(policy);
    const std::string queue = new_queue(policy);
    const auto sink = open_sink(queue_url(*url, queue, "&timeout=2s"));
    std::string said;
    std::size_t stored = 0;
    for (; stored < 100'000 && said.empty(); ++stored) said = failure_of_write(*sink);
    CAPTURE(said);
    CHECK(contains_text(said, "unavailable: "));
    const std::string of_many = failure_of_write(*sink, 5'000);
    CHECK_FALSE(of_many.empty());
    // By its credit a broker tells that it blocks; that it would reject it does not tell.
    const bool grants_none = std::string_view{policy} == "full.block.";
    const std::string of_none = error_text([&] { sink->maintain(); });
    CHECK(contains_text(of_none, grants_none ? "unavailable: " : ""));

    const auto source = open_source(queue_url(*url, queue));
    const Delivery delivery = read_count(*source, stored - 1);
    CHECK(delivery.batch.size() == stored - 1);
    source->acknowledge(delivery);
    std::size_t tries = 0;
    while (tries < 100 && !failure_of_write(*sink).empty()) ++tries;
    CHECK(tries < 100);
  }
}

TEST_CASE("a full queue that pages loses nothing") {
  enable_amqp1();
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  const std::string place = queue_url(*url, new_queue("full.page."));
  const Batch batch = numbered_batch("e", 3'000);
  write(*open_sink(place), batch);
  const auto source = open_source(place);
  const Delivery delivery = read_count(*source, 3'000);
  CHECK((delivery.batch.ndjson() == batch.ndjson()));
  source->acknowledge(delivery);
}

TEST_CASE("a full queue that settles nothing is given up at the deadline, in doubt") {
  enable_amqp1();
  const auto url = service_url("CLASSIC");
  if (!url) return;
  const std::string queue = new_queue("full.");
  const auto sink = open_sink(queue_url(*url, queue, "&timeout=1s"));
  std::string said;
  std::size_t stored = 0;
  for (; stored < 10'000 && said.empty(); ++stored) said = failure_of_write(*sink);
  CAPTURE(said);
  CHECK(contains_text(said, "in_doubt: "));
  CHECK(contains_text(said, "0 of 1 events"));
  const auto source = open_source(queue_url(*url, queue));
  const Delivery delivery = read_count(*source, stored - 1);
  source->acknowledge(delivery);
  std::size_t tries = 0;
  while (tries < 100 && !failure_of_write(*sink).empty()) ++tries;
  CHECK(tries < 100);
}

}  // namespace eventcollect::test
