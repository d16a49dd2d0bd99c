// The sink and a queue that it has made itself, which the broker may still lose.
#include "drivers/amqp/options.hpp"
#include "drivers/amqp/support.hpp"
#include "drivers/amqp/topology.hpp"
#include "support/cutting_proxy.hpp"
#include "support/manual_timer.hpp"
#include "support/wait.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

using amqp::new_queue_wait;
using std::chrono::milliseconds;

AmqpSinkOptions options_of(const std::string& url) {
  return amqp::sink_options_of(Url::parse(url));
}

std::string failure_of_write(Sink& sink) {
  return error_of([&] { write(sink, numbered_batch("e", 1)); });
}

}  // namespace

TEST_CASE("a queue that the sink has made gets no event before the broker has written it") {
  const auto url = service_url("AMQP");
  if (!url) return;
  for (const std::string kind : {"&declare=quorum", "&declare=classic"}) {
    CAPTURE(kind);
    const TestQueue queue{*url};
    ManualTimer timer;
    AmqpSink sink{options_of(queue.url(kind)), timer};
    const std::string said = error_of([&] { sink.maintain(); });
    CAPTURE(said);
    CHECK(contains(said, "unavailable: "));
    CHECK(contains(said, "the queue '" + queue.name() + "' is new"));
    timer.advance(new_queue_wait - milliseconds{1});
    CHECK(contains(failure_of_write(sink), "another 1 ms"));
    BareClient client{*url};
    CHECK(client.depth(queue.name()) == 0);
    timer.advance(milliseconds{1});
    sink.maintain();
    CHECK(failure_of_write(sink) == "");
    CHECK(client.take_all(queue.name()).size() == 1);
  }
}

TEST_CASE("a queue is new, too, where only its dead-letter queue had to be made") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  const std::string made = queue.made();
  BareClient{*url}.remove(queue.name() + ".dead");
  ManualTimer timer;
  AmqpSink sink{options_of(made), timer};
  CHECK(contains(failure_of_write(sink), "is new"));
}

TEST_CASE("a queue that is there already is used at once") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  ManualTimer timer;
  AmqpSink sink{options_of(queue.made()), timer};
  CHECK(failure_of_write(sink) == "");
}

TEST_CASE("a queue is new again where the connection breaks while it is new") {
  const auto url = service_url("AMQP");
  if (!url) return;
  const TestQueue queue{*url};
  CuttingProxy proxy{"127.0.0.1", port_of(*url)};
  ManualTimer timer;
  AmqpSink sink{options_of(queue.url("", proxy.port())), timer};
  CHECK(contains(failure_of_write(sink), "is new"));
  timer.advance(new_queue_wait - milliseconds{1});
  const std::size_t connections = proxy.connections();
  proxy.cut_after(0);
  wait_until([&] {
    CHECK(contains(failure_of_write(sink), "unavailable: "));
    return proxy.connections() > connections;
  });
  timer.advance(new_queue_wait - milliseconds{1});
  CHECK(contains(failure_of_write(sink), "another 1 ms"));
  timer.advance(milliseconds{1});
  CHECK(failure_of_write(sink) == "");
}

}  // namespace eventcollect::test
