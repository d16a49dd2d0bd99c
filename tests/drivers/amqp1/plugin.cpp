// RabbitMQ's plugin for AMQP 1.0.
#include "contract/sink_contract.hpp"
#include "contract/source_contract.hpp"
#include "drivers/amqp1/hardships.hpp"
#include "drivers/amqp1/support.hpp"

namespace eventcollect::test {
namespace {

// The place of a new durable queue; `arguments` are as in Erlang. RabbitMQ 3.10 may forget a queue
// that was made a moment before it is killed, so all that it notes of queues is written now.
std::string made_queue(const std::string& url, const std::string& arguments = "") {
  const std::string queue = new_queue();
  tell_services("rabbitmqctl eval 'rabbit_amqqueue:declare({resource, <<\"/\">>, queue, <<\"" +
                queue + "\">>}, true, false, [" + arguments +
                "], none, <<\"tests\">>), [dets:sync(Table) || Table <- dets:all()], "
                "mnesia:dump_log(), mnesia:sync_log().' >/dev/null");
  return queue_url(url, "/amq/queue/" + queue);
}

class PluginBench final : public Bench {
 public:
  explicit PluginBench(const std::string& url) : place_{made_queue(url)} {}

  std::shared_ptr<Sink> open() override { return open_sink(place_); }

  std::vector<std::string> durable_lines() override {
    const auto source = open_source(place_);
    Delivery delivery;
    while (source->read(delivery, {.wait = 300ms}) && !delivery.empty()) {
      for (std::string& line : lines_of(delivery.batch.ndjson())) lines_.push_back(std::move(line));
      source->acknowledge(delivery);
      delivery.clear();
    }
    return lines_;
  }

 private:
  std::string place_;
  std::vector<std::string> lines_;
};

class PluginSourceBench final : public SourceBench {
 public:
  explicit PluginSourceBench(const std::string& url) : place_{made_queue(url)} {}

  void put(const Batch& batch) override { write(*sink_, batch); }
  std::shared_ptr<Source> open() override { return open_source(place_); }

 private:
  std::string place_;
  std::shared_ptr<Sink> sink_ = open_sink(place_);
};

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
  const std::string place = queue_url(*url, "/amq/queue/" + new_queue());
  const std::string missing = failure_of_write(*open_sink(place));
  CAPTURE(missing);
  CHECK(contains_text(missing, "misconfigured: "));
}

TEST_CASE("the amqp1 sink and source keep the contract with RabbitMQ's plugin") {
  enable_amqp1();
  const auto url = service_url("AMQP_PLUGIN");
  if (!url || !service_url("SERVICES")) return;
  PluginBench bench{*url};
  CHECK(violations(bench) == std::vector<std::string>{});
  PluginSourceBench source_bench{*url};
  CHECK(source_violations(source_bench) == std::vector<std::string>{});
}

TEST_CASE("nothing is lost when RabbitMQ with its plugin is killed, stopped or cut off") {
  enable_amqp1();
  const auto url = service_url("AMQP_PLUGIN");
  if (!url || !service_url("SERVICES")) return;
  check_killed("rabbitmq", made_queue(*url));
  check_stopped("rabbitmq", made_queue(*url));
  check_cut(made_queue(*url));
}

TEST_CASE("a full queue of RabbitMQ's takes no event through the plugin until it is read") {
  enable_amqp1();
  const auto url = service_url("AMQP_PLUGIN");
  if (!url || !service_url("SERVICES")) return;
  const std::string place =
      made_queue(*url, R"({<<"x-max-length">>, long, 10}, )"
                       R"({<<"x-overflow">>, longstr, <<"reject-publish">>})");
  const auto sink = open_sink(place);
  std::size_t stored = 0;
  std::string said;
  for (; stored < 1'000 && said.empty(); ++stored) said = failure_of_write(*sink);
  CAPTURE(said);
  CHECK(contains_text(said, "in_doubt: "));  // the plugin gives up the connection
  const auto source = open_source(place);
  const Delivery delivery = read_count(*source, stored - 1);
  CHECK(delivery.batch.size() == stored - 1);
  source->acknowledge(delivery);
  std::size_t tries = 0;
  while (tries < 100 && !failure_of_write(*sink).empty()) ++tries;
  CHECK(tries < 100);
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
