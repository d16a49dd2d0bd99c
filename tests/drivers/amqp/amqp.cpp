// What URLs of the driver mean, and which are wrong.
#include "eventcollect/amqp.hpp"

#include <doctest/doctest.h>
#include <cstdlib>

#include "drivers/amqp/broker_error.hpp"
#include "drivers/amqp/message.hpp"
#include "drivers/amqp/options.hpp"
#include "eventcollect/drivers.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/stored_event.hpp"

namespace eventcollect::test {
namespace {

AmqpSinkOptions sink_options(const std::string& url) {
  return amqp::sink_options_of(Url::parse(url));
}

// The message of the ConfigError that opening throws; empty if none.
std::string rejection(const std::string& url, bool as_source = false) {
  try {
    if (as_source) {
      open_source(url);
    } else {
      open_sink(url);
    }
    return {};
  } catch (const ConfigError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a driver is enabled as often as one likes") {
  enable_amqp();
  enable_drivers();
}

TEST_CASE("an AMQP URL without anything means the broker's defaults") {
  const AmqpSinkOptions options = sink_options("amqp:");
  REQUIRE(options.broker.hosts.size() == 1);
  CHECK(options.broker.hosts[0].name == "localhost");
  CHECK(options.broker.hosts[0].port == 0);
  CHECK(options.broker.user == "guest");
  CHECK(options.broker.password == "guest");
  CHECK(options.broker.virtual_host == "/");
  CHECK_FALSE(options.broker.tls);
  CHECK(options.queue.name == "events");
  CHECK(options.queue.declare == AmqpDeclare::quorum);
  CHECK(options.queue.dead_letter == "events.dead");
}

TEST_CASE("an AMQP URL is decoded part by part") {
  const AmqpBroker broker =
      sink_options("amqps://us%40er:p%3aass%2f@rabbit%2d1:1234,[::1]:5,other/my%2fhost?ca_file=/ca")
          .broker;
  CHECK(broker.user == "us@er");
  CHECK(broker.password == "p:ass/");
  CHECK(broker.virtual_host == "my/host");
  CHECK(broker.tls);
  CHECK(broker.ca_file == "/ca");
  REQUIRE(broker.hosts.size() == 3);
  CHECK(broker.hosts[0].name == "rabbit-1");
  CHECK(broker.hosts[0].port == 1234);
  CHECK(broker.hosts[1].name == "::1");
  CHECK(broker.hosts[1].port == 5);
  CHECK(broker.hosts[2].name == "other");
  CHECK(broker.hosts[2].port == 0);
  for (const char* root : {"amqp://h", "amqp://h/", "amqp://h/%2f", "amqp://h?queue=x"}) {
    CAPTURE(root);
    CHECK(sink_options(root).broker.virtual_host == "/");
  }
  for (const char* url : {"amqp://h:5672/a%40b", "amqp://h/a@b", "amqp://[::1]:5672/a%40b",
                          "amqp://u@h:5672/a@b", "amqp://u:p@h:5672/a%40b", "amqp:/a@b"}) {
    CAPTURE(url);
    CHECK(sink_options(url).broker.virtual_host == "a@b");
  }
}

TEST_CASE("the password comes from the environment where the URL has none") {
  ::setenv("EVENTCOLLECT_AMQP_PASSWORD", "from outside", 1);
  CHECK(sink_options("amqp://user@h").broker.password == "from outside");
  CHECK(sink_options("amqp://user:mine@h").broker.password == "mine");
  ::unsetenv("EVENTCOLLECT_AMQP_PASSWORD");
}

TEST_CASE("options of AMQP URLs") {
  const AmqpSinkOptions options = sink_options(
      "amqp://h?queue=q&declare=classic&exchange=x&routing_key=k&timeout=3s&heartbeat=7s");
  CHECK(options.queue.name == "q");
  CHECK(options.queue.declare == AmqpDeclare::classic);
  CHECK(options.queue.dead_letter == "");
  CHECK(options.exchange == "x");
  CHECK(options.routing_key == "k");
  CHECK(options.broker.timeout == std::chrono::seconds{3});
  CHECK(options.broker.heartbeat == std::chrono::seconds{7});
  CHECK(sink_options("amqp://h?queue=q").queue.dead_letter == "q.dead");
  CHECK(sink_options("amqp://h?exchange=x").queue.name == "");
  CHECK(amqp::source_options_of(Url::parse("amqp://h?prefetch=65535")).prefetch == 65'535);
}

TEST_CASE("wrong AMQP URLs are rejected with what would be right, and without the password") {
  enable_amqp();
  struct Wrong {
    const char* url;
    const char* says;
  };
  const Wrong of_sinks[] = {
      {"amqp://u:secret@h?qeue=x",
       "has no option 'qeue'; it has: timeout, heartbeat, exchange, queue, declare, dead_letter, "
       "routing_key"},
      {"amqp://u:secret@h?ca_file=x", "has no option 'ca_file'"},
      {"amqps://u:secret@h?verify=no", "has no option 'verify'"},
      {"amqp://u:secret@h?prefetch=1", "has no option 'prefetch'"},
      {"amqp://u:secret@h:0", "the port is a number from 1 to 65535"},
      {"amqp://u:secret@h:99999", "the port is a number from 1 to 65535"},
      {"amqp://u:secret@h:12x", "the port is a number from 1 to 65535"},
      {"amqp://u:secret@[::1", "ends with ']'"},
      {"amqp://u:1/secret@h", "write / as %2F"},
      {"amqp://u:secret@[::1]5", "followed by ':'"},
      {"amqp://u:secret@h?declare=yes", "quorum, classic or off"},
      {"amqp://u:secret@h?heartbeat=1500ms", "whole seconds"},
      {"amqp://u:secret@h?heartbeat=0", "1s to 65535s"},
      {"amqp://u:secret@h?timeout=0", "must be greater than 0"},
      {"amqp://u:secret@h?queue=", "neither a queue nor an exchange"},
      {"amqp://u:secret@h?routing_key=k", "needs the option 'exchange'"},
      {"amqp://u:secret@h?queue=q&dead_letter=q", "not its own dead-letter queue"},
  };
  for (const Wrong& wrong : of_sinks) {
    CAPTURE(wrong.url);
    const std::string message = rejection(wrong.url);
    CAPTURE(message);
    CHECK(message.find(wrong.says) != std::string::npos);
    CHECK(message.find("secret") == std::string::npos);
  }
  CHECK(rejection("amqp://h?queue=" + std::string(256, 'q')).find("255 bytes") !=
        std::string::npos);
  const Wrong of_sources[] = {
      {"amqp://h?prefetch=0", "'prefetch' is a number from 1 to 65535"},
      {"amqp://h?prefetch=65536", "'prefetch' is a number from 1 to 65535"},
      {"amqp://h?exchange=x", "it has: timeout, heartbeat, queue, declare, dead_letter, prefetch"},
      {"amqp://h?queue=", "no queue is given"},
  };
  for (const Wrong& wrong : of_sources) {
    CAPTURE(wrong.url);
    CHECK(rejection(wrong.url, true).find(wrong.says) != std::string::npos);
  }
}

TEST_CASE("of a message that is too large no more is kept than makes the reader reject it") {
  amqp::MessageAssembler assembler;
  amqp_basic_deliver_t deliver{};
  amqp_frame_t frame{};
  frame.frame_type = AMQP_FRAME_METHOD;
  frame.payload.method = {AMQP_BASIC_DELIVER_METHOD, &deliver};
  CHECK_FALSE(assembler.take(frame));
  const std::string part(1 << 20, 'x');
  constexpr std::size_t parts = 70;
  frame = {};
  frame.frame_type = AMQP_FRAME_HEADER;
  frame.payload.properties.body_size = parts * part.size();
  CHECK_FALSE(assembler.take(frame));
  frame = {};
  frame.frame_type = AMQP_FRAME_BODY;
  frame.payload.body_fragment = amqp::bytes_of(part);
  for (std::size_t i = 1; i < parts; ++i) REQUIRE_FALSE(assembler.take(frame));
  const auto message = assembler.take(frame);
  REQUIRE(message);
  CHECK(message->body.size() == max_stored_bytes + 1);
}

}  // namespace eventcollect::test
