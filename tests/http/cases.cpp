// Requests that real clients send, byte for byte as public bug reports have them, to a server over
// a socket.
#include <doctest/doctest.h>

#include <chrono>

#include "eventcollect/memory.hpp"
#include "http/front.hpp"
#include "server/site.hpp"
#include "support/events.hpp"
#include "support/json.hpp"
#include "support/raw_http.hpp"
#include "support/wait.hpp"

namespace eventcollect::test {
namespace {

using Strings = std::vector<std::string>;
using namespace std::chrono_literals;

const ManualClock manual_clock{some_time};

struct Served {
  explicit Served(EndpointOptions options = {})
      : endpoint{collector, std::move(options)},
        site{{server::events_route("/events", endpoint)}},
        front{site, 1, limits_of(endpoint.options())} {
    port = front.start({"127.0.0.1", 0}).port;
  }

  static http::Limits limits_of(const EndpointOptions& options) {
    http::Limits limits;
    limits.client_ip_header = options.client_ip_header;
    return limits;
  }

  // The stored lines without the ids, which the server minted.
  Strings lines() const {
    Strings lines;
    for (const std::string& line : sink->lines())
      lines.push_back(line.substr(line.find("\"event\":")));
    return lines;
  }

  std::shared_ptr<MemorySink> sink = std::make_shared<MemorySink>();
  Collector collector{sink, {.clock = &manual_clock}};
  Endpoint endpoint;
  server::Site site;
  http::Front front;
  std::uint16_t port = 0;
};

struct Case {
  std::string_view name;
  EndpointOptions options;
  std::string_view request;
  int status;
  Strings lines;    // the stored ones
  Strings headers;  // of the answer
};

// The line of an event whose times are the server's.
std::string line_of(std::string_view front, std::string_view back = "}") {
  const std::string now = std::to_string(to_milliseconds(some_time));
  return std::string{front} + ",\"server_time\":" + now + ",\"event_time\":" + now +
         std::string{back};
}

std::string line_named(std::string_view name) {
  return line_of("\"event\":\"" + std::string{name} + "\",\"properties\":{}");
}

const EndpointOptions behind_proxy{.trusted_proxies = {"127.0.0.1", "10.0.0.0/8"},
                                   .context = {.ip = true}};
const EndpointOptions behind_other_proxy{.trusted_proxies = {"127.0.0.1"},
                                         .client_ip_header = "CF-Connecting-IP",
                                         .context = {.ip = true}};
const EndpointOptions with_origin{.allowed_origins = {"https://www.example.org"}};

const Case cases[] = {
    {"a forwarded address with a port",
     behind_proxy,
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
     "X-Forwarded-For: 203.0.113.77:17085, 10.0.0.6\r\nContent-Length: 13\r\n\r\n{\"event\":\"a\"}",
     202,
     {line_of(R"("event":"a","properties":{})", R"(,"context":{"ip":"203.0.113.0"}})")},
     {}},
    {"a forwarding proxy with a port",
     behind_proxy,
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
     "X-Forwarded-For: 203.0.113.77, 10.0.0.6:443\r\nContent-Length: 13\r\n\r\n{\"event\":\"a\"}",
     202,
     {line_of(R"("event":"a","properties":{})", R"(,"context":{"ip":"203.0.113.0"}})")},
     {}},
    {"a proxy with a header of its own",
     behind_other_proxy,
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
     "X-Forwarded-For: 198.51.100.1\r\nCF-Connecting-IP: 203.0.113.77\r\n"
     "Content-Length: 13\r\n\r\n{\"event\":\"a\"}",
     202,
     {line_of(R"("event":"a","properties":{})", R"(,"context":{"ip":"203.0.113.0"}})")},
     {}},
    {"the default port in Host",
     {},
     "POST /events HTTP/1.1\r\nHost: shop.example:80\r\nContent-Type: application/json\r\n"
     "Origin: http://shop.example\r\nContent-Length: 13\r\n\r\n{\"event\":\"a\"}",
     202,
     {line_named("a")},
     {}},
    {"the default port of https in Host",
     {},
     "POST /events HTTP/1.1\r\nHost: shop.example:443\r\nContent-Type: application/json\r\n"
     "Origin: https://shop.example\r\nContent-Length: 13\r\n\r\n{\"event\":\"a\"}",
     202,
     {line_named("a")},
     {}},
    {"the default port in X-Forwarded-Host",
     {.trusted_proxies = {"127.0.0.1"}},
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1:8099\r\nContent-Type: application/json\r\n"
     "Origin: https://shop.example\r\nX-Forwarded-Host: shop.example:443\r\nContent-Length: 13\r\n"
     "\r\n{\"event\":\"a\"}",
     202,
     {line_named("a")},
     {}},
    {"the preflight of a beacon",
     with_origin,
     "OPTIONS /events HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://www.example.org\r\n"
     "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n",
     204,
     {},
     {"Access-Control-Allow-Credentials: true", "Access-Control-Allow-Headers: content-type",
      "Access-Control-Allow-Origin: https://www.example.org"}},
    {"the beacon itself",
     with_origin,
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://www.example.org\r\n"
     "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"event\":\"a\"}",
     202,
     {line_named("a")},
     {"Access-Control-Allow-Credentials: true",
      "Access-Control-Allow-Origin: https://www.example.org"}},
    {"the preflight of a traced page",
     with_origin,
     "OPTIONS /events HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://www.example.org\r\n"
     "Access-Control-Request-Method: POST\r\n"
     "Access-Control-Request-Headers: baggage,content-type,sentry-trace,traceparent\r\n\r\n",
     204,
     {},
     {"Access-Control-Allow-Headers: baggage,content-type,sentry-trace,traceparent"}},
    {"no Content-Type",
     {},
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 13\r\n\r\n{\"event\":\"a\"}",
     202,
     {line_named("a")},
     {}},
    {"a byte order mark",
     {},
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
     "Content-Length: 16\r\n\r\n\xEF\xBB\xBF{\"event\":\"a\"}",
     202,
     {line_named("a")},
     {}},
    {"null for what is absent",
     {},
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
     "Content-Length: 61\r\n\r\n"
     R"({"event":"a","url":null,"properties":null,"client_time":null})",
     202,
     {line_named("a")},
     {}},
    {"fractions of a millisecond",
     {},
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
     "Content-Length: 72\r\n\r\n"
     R"({"event":"a","client_time":1795875475511.25,"sent_time":1795875476011.5})",
     202,
     {R"("event":"a","properties":{},"server_time":)" + std::to_string(to_milliseconds(some_time)) +
      R"(,"event_time":)" + std::to_string(to_milliseconds(some_time) - 500) +
      R"(,"client_time":1795875475511,"sent_time":1795875476011})"},
     {}},
    {"whole milliseconds with a fraction",
     {},
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
     "Content-Length: 71\r\n\r\n"
     R"({"event":"a","client_time":1795875475511.0,"sent_time":1795875476011.0})",
     202,
     {R"("event":"a","properties":{},"server_time":)" + std::to_string(to_milliseconds(some_time)) +
      R"(,"event_time":)" + std::to_string(to_milliseconds(some_time) - 500) +
      R"(,"client_time":1795875475511,"sent_time":1795875476011})"},
     {}},
    {"half a surrogate pair",
     {},
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
     "Content-Length: 49\r\n\r\n"
     R"({"event":"a","properties":{"title":"cut \ud83d"}})",
     202,
     {line_of("\"event\":\"a\",\"properties\":{\"title\":\"cut \uFFFD\"}")},
     {}},
    {"NaN in one event of three",
     {},
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
     "Content-Length: 78\r\n\r\n"
     R"([{"event":"good"},{"event":"bad","properties":{"v":NaN}},{"event":"good too"}])",
     202,
     {line_named("good"), line_named("good too")},
     {}},
    {"Latin-1 in one event of two",
     {},
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
     "Content-Length: 60\r\n\r\n"
     "[{\"event\":\"good\"},{\"event\":\"bad\",\"properties\":{\"v\":\"caf\xE9\"}}]",
     202,
     {line_named("good")},
     {}},
    {"another name of NDJSON",
     {},
     "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/ndjson\r\n"
     "Content-Length: 28\r\n\r\n{\"event\":\"a\"}\n{\"event\":\"b\"}\n",
     202,
     {line_named("a"), line_named("b")},
     {}},
};

}  // namespace

TEST_CASE("what real clients send is understood") {
  for (const Case& each : cases) {
    CAPTURE(each.name);
    Served served{each.options};
    RawClient client{served.port};
    REQUIRE(client.send(each.request));
    const RawResponse response = client.receive(each.status == 204);
    CAPTURE(response.head);
    CAPTURE(response.body);
    CHECK(response.status == each.status);
    CHECK(served.lines() == each.lines);
    for (const std::string& header : each.headers) {
      CAPTURE(header);
      CHECK(response.head.find("\r\n" + header + "\r\n") != std::string::npos);
    }
  }
}

TEST_CASE("a bad event is named by its index, and the good ones are counted") {
  Served served;
  RawClient client{served.port};
  client.send(
      "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Content-Length: 78\r\n\r\n"
      R"([{"event":"good"},{"event":"bad","properties":{"v":NaN}},{"event":"good too"}])");
  CHECK(client.receive().body ==
        R"({"accepted":2,"rejected":[{"index":1,"code":"json.malformed","pointer":"","message":)"
        R"("The element is not valid JSON: expected a value at byte 33."}]})");
}

TEST_CASE("how long an upload took does not move the time of an event") {
  constexpr auto stalled = 5ms;
  Served served;
  RawClient client{served.port};
  const std::string_view request =
      "POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"
      "\r\n{\"event\":\"A\",\"client_time\":5000,\"sent_time\":5000} ";
  client.send(request.substr(0, request.size() - 20));
  wait_until([&] { return served.front.statistics().buffered_bytes > 0; });
  const auto begun = std::chrono::steady_clock::now();
  wait_until([&] { return std::chrono::steady_clock::now() >= begun + stalled; });
  client.send(request.substr(request.size() - 20));
  CHECK(client.receive().status == 202);
  const Strings lines = served.sink->lines();
  REQUIRE(lines.size() == 1);
  const Json stored{lines[0]};
  CHECK(stored.number("/server_time") == to_milliseconds(some_time));
  CHECK(stored.number("/event_time") <= to_milliseconds(some_time - stalled));
}

}  // namespace eventcollect::test
