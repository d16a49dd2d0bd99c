// What URLs of the driver mean, and which are wrong.
#include <proton/connection.h>

#include <cstdlib>

#include "drivers/amqp1/support.hpp"

namespace eventcollect::test {
namespace {

Amqp1Options parsed(const std::string& url) { return amqp1::options_of(Url::parse(url)); }

// The message of the ConfigError that opening throws; empty if none.
std::string rejection_of(const std::string& url) {
  try {
    open_sink(url);
    return {};
  } catch (const ConfigError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("an AMQP 1.0 URL without anything is anonymous on this machine") {
  const Amqp1Options options = parsed("amqp1:");
  REQUIRE(options.hosts.size() == 1);
  CHECK(options.hosts[0].name == "localhost");
  CHECK(options.hosts[0].port == 0);
  CHECK(options.user.empty());
  CHECK(options.password.empty());
  CHECK(options.queue == "events");
  CHECK_FALSE(options.tls);
}

TEST_CASE("an AMQP 1.0 URL is decoded part by part") {
  const Amqp1Options options = parsed(
      "amqp1s://us%40er:p%3aass%2f@mq%2d1:1234,[::1]:5,other/"
      "?queue=q&timeout=3s&heartbeat=7s&ca_file=/ca");
  CHECK(options.user == "us@er");
  CHECK(options.password == "p:ass/");
  REQUIRE(options.hosts.size() == 3);
  CHECK(options.hosts[0].name == "mq-1");
  CHECK(amqp1::port_of(options, options.hosts[0]) == 1234);
  CHECK(options.hosts[1].name == "::1");
  CHECK(amqp1::port_of(options, options.hosts[2]) == 5671);
  CHECK(amqp1::port_of(parsed("amqp1://h"), {}) == 5672);
  CHECK(options.queue == "q");
  CHECK(options.timeout == std::chrono::seconds{3});
  CHECK(options.heartbeat == std::chrono::seconds{7});
  CHECK(options.ca_file == "/ca");
}

TEST_CASE("the password of a user of AMQP 1.0 comes from the environment where the URL has none") {
  ::setenv("EVENTCOLLECT_AMQP1_PASSWORD", "from outside", 1);
  CHECK(parsed("amqp1://user@h").password == "from outside");
  CHECK(parsed("amqp1://user:mine@h").password == "mine");
  CHECK(parsed("amqp1://h").password == "");
  ::unsetenv("EVENTCOLLECT_AMQP1_PASSWORD");
}

TEST_CASE("wrong AMQP 1.0 URLs are rejected with what would be right, and without the password") {
  enable_amqp1();
  struct Wrong {
    const char* url;
    const char* says;
  };
  const Wrong urls[] = {
      {"amqp1://u:secret@h?qeue=x", "has no option 'qeue'; it has: queue, timeout, heartbeat"},
      {"amqp1://u:secret@h?ca_file=x", "has no option 'ca_file'"},
      {"amqp1://u:secret@h:0", "amqp1: the port is a number from 1 to 65535"},
      {"amqp1://u:secret@[::1", "ends with ']'"},
      {"amqp1://u:1/secret@h", "write / as %2F"},
      {"amqp1://u:secret@h/vhost", "no path"},
      {"amqp1://u:secret@h?heartbeat=500ms", "must be 1s to 65535s, got 500ms"},
      {"amqp1://u:secret@h?timeout=0", "must be greater than 0, got 0ms"},
      {"amqp1://u:secret@h?queue=", "no queue is given"},
      {"amqp1://u@h", "no password"},
      {"amqp1://:secret@h", "without a user"},
  };
  for (const Wrong& wrong : urls) {
    CAPTURE(wrong.url);
    const std::string message = rejection_of(wrong.url);
    CAPTURE(message);
    CHECK(contains_text(message, wrong.says));
    CHECK_FALSE(contains_text(message, "secret"));
  }
}

TEST_CASE("only some conditions blame a message") {
  const std::unique_ptr<pn_connection_t, void (*)(pn_connection_t*)> owner{pn_connection(),
                                                                           pn_connection_free};
  pn_condition_t* condition = pn_connection_condition(owner.get());
  struct Case {
    const char* name;
    bool blames;
    Error::Kind kind;
  };
  for (const Case& one : {
           Case{"amqp:decode-error", true, Error::unavailable},
           Case{"amqp:link:message-size-exceeded", true, Error::unavailable},
           Case{"amqp:resource-limit-exceeded", false, Error::unavailable},
           Case{"failed", false, Error::unavailable},
           Case{"amqp:connection:forced", false, Error::unavailable},
           Case{"amqp:not-found", false, Error::misconfigured},
           Case{"amqp:illegal-state", false, Error::misconfigured},
           Case{"amqp:unauthorized-access", false, Error::misconfigured},
       }) {
    CAPTURE(one.name);
    pn_condition_set_name(condition, one.name);
    CHECK(amqp1::blames_the_message(condition) == one.blames);
    CHECK(amqp1::error_of(condition, "").kind() == one.kind);
  }
}

}  // namespace eventcollect::test
