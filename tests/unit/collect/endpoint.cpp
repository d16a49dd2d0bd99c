#include "eventcollect/endpoint.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <future>
#include <stdexcept>

#include "eventcollect/memory.hpp"
#include "eventcollect/url.hpp"
#include "support/events.hpp"
#include "support/json.hpp"
#include "support/scripted_sink.hpp"

namespace eventcollect {
namespace {

using test::gzip;
using test::Json;
using test::lines_of;
using test::ScriptedSink;

constexpr std::string_view one_event =
    R"({"event":"clicked_event","url":"https://example.org/a","properties":{"x":1}})";

// An endpoint with all that it stands on.
struct Site {
  explicit Site(EndpointOptions endpoint_options = {}, CollectorOptions collector_options = {})
      : collector{sink, with_clock(std::move(collector_options))},
        endpoint{collector, std::move(endpoint_options)} {}

  static CollectorOptions with_clock(CollectorOptions options) {
    static const ManualClock clock{test::some_time};
    if (options.clock == &system_clock()) options.clock = &clock;
    return options;
  }

  std::vector<std::string> lines() const { return sink->memory.lines(); }

  std::shared_ptr<ScriptedSink> sink = std::make_shared<ScriptedSink>();
  Collector collector;
  Endpoint endpoint;
};

Request post(std::string_view body, std::string_view content_type = "application/json") {
  Request request;
  request.method = "POST";
  request.path = "/events";
  request.host = "example.org";
  request.peer = "192.0.2.7";
  request.content_type = content_type;
  request.body = body;
  return request;
}

std::string header(const Response& response, std::string_view name) {
  std::string found;
  std::size_t count = 0;
  for (const auto& [key, value] : response.headers) {
    if (key != name) continue;
    found = value;
    ++count;
  }
  INFO("header: ", std::string{name});
  CHECK(count <= 1);
  return found;
}

// What RFC 9457 asks for, and our code.
void check_problem(const Response& response, int status, std::string_view code) {
  CAPTURE(response.body);
  CHECK(response.status == status);
  CHECK(header(response, "Content-Type") == "application/problem+json");
  const Json problem{response.body};
  CHECK(problem.text("/type") == "about:blank");
  CHECK_FALSE(problem.text("/title").empty());
  CHECK(problem.number("/status") == status);
  CHECK(problem.text("/code") == code);
  CHECK_FALSE(problem.text("/detail").empty());
}

std::string array_of(std::size_t count, std::string_view event) {
  std::string body = "[";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) body += ',';
    body += event;
  }
  return body + "]";
}

TEST_CASE("a body whose events are all good is answered with 202 and nothing else") {
  struct Case {
    std::string_view content_type;
    std::string body;
    std::size_t events;
  };
  const Case cases[] = {
      {"application/json", std::string{one_event}, 1},
      {"application/json", array_of(3, one_event), 3},
      {"application/json", fmt::format(R"({{"batch":[{0},{0}],"sent_time":1}})", one_event), 2},
      {"application/json", array_of(1000, R"({"event":"e"})"), 1000},
      {"text/plain", std::string{one_event}, 1},
      {"application/x-ndjson", fmt::format("{0}\n{0}\n", one_event), 2},
      {"application/x-ndjson", fmt::format("{0}\n{0}", one_event), 2},
      // A beacon of an untyped Blob has no Content-Type.
      {"", std::string{one_event}, 1},
      {"", array_of(3, one_event), 3},
      {"", fmt::format("{0}\r\n\n{0}\n", one_event), 2},
      {"", fmt::format("\xef\xbb\xbf{0}", one_event), 1},
      {"", "{\n\"event\":\"a\",\"properties\":{}\n}", 1},
      {"", "[{\"event\":\"a\"},\n{\"event\":\"b\"}]", 2},
  };
  for (const Case& c : cases) {
    CAPTURE(c.body);
    Site site;
    const Response response = site.endpoint.handle(post(c.body, c.content_type));
    CHECK(response.status == 202);
    CHECK(response.body.empty());
    CHECK(header(response, "Content-Type").empty());
    CHECK(site.lines().size() == c.events);
  }
}

TEST_CASE("what the head of a request decides is answered without its body") {
  struct Case {
    std::string_view what;
    std::function<void(Request&)> change;
    int status;
    std::string_view code;
  };
  const Case cases[] = {
      {"another path", [](Request& r) { r.path = "/event"; }, 404, "path.not_found"},
      {"a path below", [](Request& r) { r.path = "/events/"; }, 404, "path.not_found"},
      {"GET", [](Request& r) { r.method = "GET"; }, 405, "method.not_allowed"},
      {"HEAD", [](Request& r) { r.method = "HEAD"; }, 405, "method.not_allowed"},
      {"PUT", [](Request& r) { r.method = "PUT"; }, 405, "method.not_allowed"},
      {"DELETE", [](Request& r) { r.method = "DELETE"; }, 405, "method.not_allowed"},
      {"no known method", [](Request& r) { r.method = "post"; }, 405, "method.not_allowed"},
      {"a foreign origin", [](Request& r) { r.origin = "https://evil.test"; }, 403,
       "origin.rejected"},
      {"a form", [](Request& r) { r.content_type = "application/x-www-form-urlencoded"; }, 415,
       "content_type.unsupported"},
      {"brotli", [](Request& r) { r.content_encoding = "br"; }, 415,
       "content_encoding.unsupported"},
      {"deflate", [](Request& r) { r.content_encoding = "deflate"; }, 415,
       "content_encoding.unsupported"},
      {"gzip and brotli", [](Request& r) { r.content_encoding = "gzip, br"; }, 415,
       "content_encoding.unsupported"},
      {"gzip twice", [](Request& r) { r.content_encoding = "gzip, gzip"; }, 415,
       "content_encoding.unsupported"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Site site;
    Request request = post({});
    c.change(request);
    const auto early = site.endpoint.before_body(request);
    REQUIRE(early);
    check_problem(*early, c.status, c.code);
    CHECK(header(*early, "Allow") == (c.status == 405 ? "POST, OPTIONS" : ""));

    request.body = one_event;
    const Response whole = site.endpoint.handle(request);
    CHECK(whole.status == early->status);
    CHECK(whole.headers == early->headers);
    CHECK(whole.body == early->body);
    CHECK(site.lines().empty());
  }
  Site site;
  CHECK_FALSE(site.endpoint.before_body(post({})));
}

TEST_CASE("a content type is compared without its parameters and without case") {
  struct Case {
    std::string_view content_type;
    std::string_view body;
    int status;
  };
  const std::string two_lines = fmt::format("{0}\n{0}\n", one_event);
  const Case cases[] = {
      {"application/json", one_event, 202},
      {"application/json; charset=utf-8", one_event, 202},
      {"application/json;charset=UTF-8", one_event, 202},
      {"Application/JSON", one_event, 202},
      {"  application/json\t; q=1", one_event, 202},
      {"text/plain;charset=UTF-8", one_event, 202},
      {"TEXT/PLAIN", one_event, 202},
      {"application/x-ndjson; charset=utf-8", two_lines, 202},
      {"APPLICATION/X-NDJSON", two_lines, 202},
      {"application/ndjson", two_lines, 202},
      {"application/jsonl", two_lines, 202},
      {"application/x-jsonlines; charset=utf-8", two_lines, 202},
      {"text/x-ndjson", two_lines, 202},
      {"Text/JSONL", two_lines, 202},
      {"application/x-ldjson", two_lines, 202},
      {"application/json", two_lines, 400},
      {"", one_event, 202},
      {";", one_event, 202},
      {" ; charset=utf-8", two_lines, 202},
      {"", "a=1&b=2", 400},
      {"", "", 400},
      {"ndjson", two_lines, 415},
      {"image/ndjson", two_lines, 415},
      {"application/x-x-ndjson", two_lines, 415},
      {"application/", one_event, 415},
      {"application/jsonx", one_event, 415},
      {"application/json, text/plain", one_event, 415},
      {"xapplication/json", one_event, 415},
      {"text/html", one_event, 415},
      {"application/csp-report", one_event, 415},
      {"multipart/form-data; boundary=application/json", one_event, 415},
  };
  for (const Case& c : cases) {
    CAPTURE(c.content_type);
    Site site;
    CHECK(site.endpoint.handle(post(c.body, c.content_type)).status == c.status);
  }
}

TEST_CASE("where some events are rejected, 202 says how many were taken and why the others not") {
  Site site;
  const std::string body = fmt::format(
      R"([{0},{{"event":"e","event_id":"0193A8C2-7B4E-7ABC-8DEF-0123456789AB","a/b":1}},{0},7])",
      one_event);
  const Response response = site.endpoint.handle(post(body));
  CHECK(response.status == 202);
  CHECK(header(response, "Content-Type") == "application/json");
  const Json answer{response.body};
  CHECK(answer.number("/accepted") == 2);
  CHECK(answer.size("/rejected") == 2);
  CHECK(answer.number("/rejected/0/index") == 1);
  CHECK(answer.text("/rejected/0/event_id") == "0193a8c2-7b4e-7abc-8def-0123456789ab");
  CHECK(answer.text("/rejected/0/code") == "field.unknown");
  CHECK(answer.text("/rejected/0/pointer") == "/a~1b");
  CHECK_FALSE(answer.text("/rejected/0/message").empty());
  CHECK(answer.number("/rejected/1/index") == 3);
  CHECK_FALSE(answer.has("/rejected/1/event_id"));
  CHECK(answer.text("/rejected/1/code") == "event.not_object");
  CHECK(site.lines().size() == 2);
}

TEST_CASE("where all events are rejected, 400 is a problem with the list") {
  Site site;
  const Response response = site.endpoint.handle(post(R"([{"event":""},{"event":"e","url":7}])"));
  check_problem(response, 400, "event.length");
  const Json problem{response.body};
  CHECK(problem.number("/accepted") == 0);
  CHECK(problem.size("/rejected") == 2);
  CHECK(problem.text("/rejected/0/code") == "event.length");
  CHECK(problem.text("/rejected/1/code") == "url.type");
  CHECK(problem.text("/rejected/1/pointer") == "/url");
  CHECK(site.lines().empty());
}

TEST_CASE("a body that holds no events is a problem") {
  struct Case {
    std::string_view body;
    std::string_view code;
  };
  const Case cases[] = {
      {"", "body.empty"},         {" \r\n", "body.empty"},
      {"[]", "body.empty"},       {R"({"batch":[]})", "body.empty"},
      {"{", "json.malformed"},    {R"({"event":"e"},)", "json.malformed"},
      {"\xff", "json.malformed"}, {"null", "event.not_object"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.body);
    Site site;
    check_problem(site.endpoint.handle(post(c.body)), 400, c.code);
    CHECK(site.lines().empty());
  }
}

TEST_CASE("what a client sent comes back as JSON however it looks") {
  Site site({.allowed_origins = {"https://shop.test"}});
  const std::string names[] = {R"(a\"b)", R"(\u0001)", "\xc3\xa9", R"(</script>)",
                               R"(\ud83d\ude00)"};
  for (const std::string& name : names) {
    CAPTURE(name);
    const Response response =
        site.endpoint.handle(post(fmt::format(R"({{"event":"e","{}":1}})", name)));
    check_problem(response, 400, "field.unknown");
  }
  for (const std::string_view origin : {"https://a\"b", "https://\xff", "https://a\\"}) {
    CAPTURE(origin);
    Request request = post(one_event);
    request.origin = origin;
    check_problem(site.endpoint.handle(request), 403, "origin.rejected");
  }
}

TEST_CASE("at most 100 rejections are listed, and all are counted") {
  SUBCASE("beside a good event") {
    Site site;
    std::string body = array_of(150, "7");
    body.back() = ',';
    body += std::string{one_event} + "]";
    const Response response = site.endpoint.handle(post(body));
    CHECK(response.status == 202);
    const Json answer{response.body};
    CHECK(answer.number("/accepted") == 1);
    REQUIRE(answer.size("/rejected") == 100);
    for (int i = 0; i < 100; ++i) {
      CHECK(answer.number(fmt::format("/rejected/{}/index", i)) == i);
    }
    const auto& rejected = site.collector.statistics().events_rejected;
    CHECK(rejected[code_index(code::event_not_object)] == 150);
  }
  SUBCASE("where nothing is good") {
    Site site;
    const Response response = site.endpoint.handle(post(array_of(1000, "7")));
    check_problem(response, 400, "event.not_object");
    CHECK(Json{response.body}.size("/rejected") == 100);
  }
}

TEST_CASE("events that the sink rejects are rejected events") {
  Site site;
  site.sink->always = [](const Batch& batch, Rejections& rejections) {
    for (const Event& event : batch) {
      if (event.name == "bad") rejections.add(event, "check constraint");
    }
  };
  const Response some = site.endpoint.handle(post(R"([{"event":"good"},{"event":"bad"}])"));
  CHECK(some.status == 202);
  const Json answer{some.body};
  CHECK(answer.number("/accepted") == 1);
  CHECK(answer.size("/rejected") == 1);
  CHECK(answer.number("/rejected/0/index") == 1);
  CHECK(answer.text("/rejected/0/code") == "sink.rejected");
  CHECK(answer.text("/rejected/0/message").find("check constraint") != std::string::npos);

  check_problem(site.endpoint.handle(post(R"({"event":"bad"})")), 400, "sink.rejected");
}

TEST_CASE("a body over the limit is 413, one at the limit is not") {
  const std::string body{one_event};
  struct Case {
    std::string_view what;
    std::string body;
    bool is_gzip;
    int status;
  };
  const Case cases[] = {
      {"at the limit", body + std::string(1024 - body.size(), ' '), false, 202},
      {"one more", body + std::string(1025 - body.size(), ' '), false, 413},
      {"inflating to the limit", gzip(body + std::string(1024 - body.size(), ' ')), true, 202},
      {"inflating to one more", gzip(body + std::string(1025 - body.size(), ' ')), true, 413},
      {"inflating without end", gzip(std::string(4096, ' '), 64), true, 413},
      {"in two members", gzip(body + "\n") + gzip(std::string(1024, ' ')), true, 413},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Site site({.max_body_bytes = 1024});
    Request request = post(c.body);
    if (c.is_gzip) request.content_encoding = "gzip";
    const Response response = site.endpoint.handle(request);
    CHECK(response.status == c.status);
    CHECK(site.lines().size() == (c.status == 202 ? 1 : 0));
    if (c.status == 413) check_problem(response, 413, "body.too_large");
  }
  Site site;
  check_problem(site.endpoint.too_large(post({})), 413, "body.too_large");
}

TEST_CASE("a body that inflates more than real events do is 413") {
  struct Case {
    std::string_view what;
    std::string body;
    int status;
  };
  const std::string event{one_event};
  const auto padded = [&](std::size_t bytes) {
    return event + std::string(bytes - event.size(), ' ');
  };
  const Case cases[] = {
      {"64 KiB at any ratio", gzip(padded(64 << 10)), 202},
      {"200 to 1", gzip(padded(200 << 10)), 413},
      {"1,000 to 1", gzip(padded(1 << 20)), 413},
      {"in many members",
       [&] {
         std::string members = gzip(event + "\n");
         for (int i = 0; i < 50; ++i) members += gzip(std::string(16 << 10, ' '));
         return members;
       }(),
       413},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Site site;
    Request request = post(c.body);
    request.content_encoding = "gzip";
    const Response response = site.endpoint.handle(request);
    CHECK(response.status == c.status);
    if (c.status == 413) {
      check_problem(response, 413, "body.too_large");
      CHECK(Json{response.body}.text("/detail").find("100 times") != std::string::npos);
    }
  }
}

TEST_CASE("real events inflate as far as a body may be") {
  std::string body;
  for (int i = 0; i < 900; ++i) {
    body += fmt::format(R"({{"event":"clicked_event","event_id":"0193f2a4-7b3c-7d11-8a5e-{:012x}",)"
                        R"("url":"https://example.org/a","properties":{{"x":{}}}}})"
                        "\n",
                        i * 7'919, i);
  }
  Site site;
  Request request = post({}, "application/x-ndjson");
  const std::string coded = gzip(body);
  request.body = coded;
  request.content_encoding = "gzip";
  CHECK(body.size() > 64 << 10);
  CHECK(site.endpoint.handle(request).status == 202);
}

TEST_CASE("an answer is bounded, and tells the fate of each of a hundred events") {
  const std::string keys[] = {std::string(600, '~'), std::string(600, '/'), R"(\u0001)",
                              R"(\")" + std::string(500, 'x'), "ä" + std::string(400, ' ')};
  for (std::string key : keys) {
    while (key.size() < 600) key += key;
    CAPTURE(key);
    std::string body = "[";
    for (int i = 0; i < 100; ++i) {
      body += fmt::format(R"({}{{"event_id":"0193f2a4-7b3c-7d11-8a5e-{:012x}","{}":1}})",
                          i == 0 ? "" : ",", i, key);
    }
    body += ']';
    Site site;
    const Response response = site.endpoint.handle(post(body));
    check_problem(response, 400, "field.unknown");
    const Json answer{response.body};
    REQUIRE(answer.size("/rejected") == 100);
    for (int i = 0; i < 100; ++i) {
      CHECK(answer.number(fmt::format("/rejected/{}/index", i)) == i);
      CHECK(answer.text(fmt::format("/rejected/{}/pointer", i)).ends_with("\u2026"));
    }
    CHECK(response.body.size() < 100 * 601 + 400);
  }
}

TEST_CASE("a message of the sink is bounded in an answer") {
  Site site;
  const std::string message(5'000, '"');
  site.sink->always = [&](const Batch& batch, Rejections& rejections) {
    for (const Event& event : batch) rejections.add(event, message);
  };
  const Response response = site.endpoint.handle(post(array_of(100, one_event)));
  CHECK(response.status == 400);
  CHECK(Json{response.body}.size("/rejected") == 100);
  CHECK(response.body.size() < 100 * 601 + 2 * max_message_bytes + 400);
}

TEST_CASE("one event too many is 413, and none is taken") {
  Site site({}, {.rules = {.max_events = 3}});
  const std::string line = std::string{one_event} + "\n";
  CHECK(site.endpoint.handle(post(array_of(3, one_event))).status == 202);
  CHECK(site.lines().size() == 3);
  check_problem(site.endpoint.handle(post(array_of(4, one_event))), 413, "body.too_many_events");
  check_problem(site.endpoint.handle(post(line + line + line + line, "application/x-ndjson")), 413,
                "body.too_many_events");
  check_problem(
      site.endpoint.handle(post(fmt::format(R"({{"batch":{}}})", array_of(4, one_event)))), 413,
      "body.too_many_events");
  CHECK(site.lines().size() == 3);
}

TEST_CASE("a gzip body is inflated once") {
  const std::string line = std::string{one_event} + "\n";
  const std::string coded = gzip(one_event);
  struct Case {
    std::string_view what;
    std::string_view coding;
    std::string body;
    int status;
    std::size_t events;
  };
  const Case cases[] = {
      {"gzip", "gzip", gzip(line), 202, 1},
      {"its old name", "x-gzip", gzip(line), 202, 1},
      {"in capitals", "GZIP", gzip(line), 202, 1},
      {"two members", "gzip", gzip(line) + gzip(line), 202, 2},
      {"identity", "identity", line, 202, 1},
      {"a list", "identity, gzip ,", gzip(line), 202, 1},
      {"known by its first bytes", "", gzip(line) + gzip(line), 202, 2},
      {"known by its first bytes, damaged", "", coded.substr(0, coded.size() - 1), 400, 0},
      {"twice coded, once known", "", gzip(coded), 400, 0},
      {"twice coded", "gzip", gzip(coded), 400, 0},
      {"cut in its data", "gzip", coded.substr(0, coded.size() / 2), 400, 0},
      {"cut in its checksum", "gzip", coded.substr(0, coded.size() - 1), 400, 0},
      {"damaged", "gzip", coded.substr(0, coded.size() - 8) + std::string(8, 'x'), 400, 0},
      {"followed by something else", "gzip", coded + "more", 400, 0},
      {"not gzip", "gzip", line, 400, 0},
      {"empty", "gzip", "", 400, 0},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Site site;
    Request request = post(c.body, "application/x-ndjson");
    request.content_encoding = c.coding;
    CHECK(site.endpoint.handle(request).status == c.status);
    CHECK(site.lines().size() == c.events);
  }
}

TEST_CASE("what a request says of its origin is shortened in the answer") {
  Site site;
  Request request = post(one_event);
  const std::string host(30'000, '\xff');
  const std::string origin = "x://other" + host;
  request.origin = origin;
  request.host = host;
  const Response response = site.endpoint.handle(request);
  check_problem(response, 403, "origin.rejected");
  CHECK(response.body.size() < 4'000);
}

TEST_CASE("a body that the framework has decoded is not decoded again") {
  Site site;
  Request request = post(one_event);
  request.content_encoding = "gzip";
  request.body_is_decoded = true;
  CHECK(site.endpoint.handle(request).status == 202);
  const std::string coded = gzip(one_event);
  request.body = coded;
  CHECK(site.endpoint.handle(request).status == 400);
  request.content_encoding = {};
  CHECK(site.endpoint.handle(request).status == 202);
}

TEST_CASE("a page may send events if the browser or the addresses say that it is ours") {
  constexpr std::string_view own = "https://example.org";
  const bool proxies[] = {false, true};
  const bool allows[] = {false, true};
  for (const bool from_proxy : proxies) {
    for (const bool allowed : allows) {
      for (const std::string_view site_header :
           {"", "same-origin", "none", "same-site", "cross-site", "Same-Origin", "nonsense"}) {
        for (const std::string_view origin : {"", "https://example.org", "https://other.test",
                                              "https://example.org:8443", "null", "example.org"}) {
          for (const std::string_view host : {"example.org", "EXAMPLE.org", "backend:8080", ""}) {
            for (const std::string_view forwarded : {"", "example.org", "other.test"}) {
              EndpointOptions options;
              options.trusted_proxies = {"10.0.0.0/8"};
              if (allowed) options.allowed_origins = {"https://other.test"};
              Site site{options};
              Request request = post(one_event);
              request.peer = from_proxy ? "10.1.2.3" : "192.0.2.7";
              request.sec_fetch_site = site_header;
              request.origin = origin;
              request.host = host;
              request.forwarded_host = forwarded;

              bool ours = false;
              if (!site_header.empty()) {
                ours = site_header == "same-origin" || site_header == "none";
              } else if (origin.empty()) {
                ours = true;
              } else if (origin == own) {
                ours = host == "example.org" || host == "EXAMPLE.org" ||
                       (from_proxy && forwarded == "example.org");
              } else if (origin == "https://other.test") {
                ours = from_proxy && forwarded == "other.test";
              }
              const bool passes = ours || (allowed && origin == "https://other.test");

              CAPTURE(from_proxy);
              CAPTURE(allowed);
              CAPTURE(site_header);
              CAPTURE(origin);
              CAPTURE(host);
              CAPTURE(forwarded);
              const auto early = site.endpoint.before_body(request);
              CHECK(early.has_value() == !passes);
              if (early) CHECK(early->status == 403);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("the default port of the origin's scheme is the same as none") {
  struct Case {
    std::string_view origin, host, forwarded;
    bool passes;
  };
  const Case cases[] = {
      {"http://shop.test", "shop.test:80", "", true},
      {"https://shop.test", "shop.test:443", "", true},
      {"https://shop.test:443", "shop.test", "", true},
      {"https://shop.test", "SHOP.test:443", "", true},
      {"https://shop.test", "backend:8080", "shop.test:443", true},
      {"https://shop.test", "backend:8080", "shop.test, inner.test", true},
      {"https://shop.test", "backend:8080", "inner.test, shop.test", false},
      {"https://[2001:db8::1]", "[2001:db8::1]:443", "", true},
      {"http://[2001:db8::1]:8080", "[2001:db8::1]:8080", "", true},
      {"https://shop.test", "shop.test:80", "", false},
      {"http://shop.test", "shop.test:443", "", false},
      {"https://shop.test:8443", "shop.test:443", "", false},
      {"https://shop.test:8443", "shop.test", "", false},
      {"https://shop.test", "shop.test:8443", "", false},
      {"http://[2001:db8::1]", "[2001:db8::1:80]", "", false},
      {"app://shop.test", "shop.test:80", "", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.origin);
    CAPTURE(c.host);
    CAPTURE(c.forwarded);
    Site site({.trusted_proxies = {"192.0.2.7"}});
    Request request = post(one_event);
    request.origin = c.origin;
    request.host = c.host;
    request.forwarded_host = c.forwarded;
    CHECK(site.endpoint.before_body(request).has_value() == !c.passes);
  }
}

TEST_CASE("an allowed origin is one, all below a host, or null") {
  struct Case {
    std::string_view allowed, origin;
    bool passes;
  };
  const Case cases[] = {
      {"https://shop.test", "https://shop.test:443", true},
      {"https://shop.test:443", "https://shop.test", true},
      {"https://SHOP.test:8443", "https://shop.test:8443", true},
      {"https://shop.test", "https://shop.test:8443", false},
      {"https://*.shop.test", "https://www.shop.test", true},
      {"https://*.shop.test", "https://a.b.Shop.test", true},
      {"https://*.shop.test:8443", "https://www.shop.test:8443", true},
      {"https://*.shop.test", "https://shop.test", false},
      {"https://*.shop.test", "https://.shop.test", false},
      {"https://*.shop.test", "https://eshop.test", false},
      {"https://*.shop.test", "https://www.shop.test.evil.test", false},
      {"https://*.shop.test", "http://www.shop.test", false},
      {"https://*.shop.test", "https://www.shop.test:8443", false},
      {"http://[::1]:8080", "http://[::1]:8080", true},
      {"http://[0:0::1]:8080", "http://[::1]:8080", true},
      {"http://127.0.0.1:8080", "http://127.0.0.1:8080", true},
      {"capacitor://localhost", "capacitor://localhost", true},
      {"null", "null", true},
      {"null", "https://shop.test", false},
      {"https://shop.test", "null", false},
      {"https://shop.test", "", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.allowed);
    CAPTURE(c.origin);
    Site site({.allowed_origins = {std::string{c.allowed}}});
    Request request = post(one_event);
    request.origin = c.origin;
    request.sec_fetch_site = "cross-site";
    const Response response = site.endpoint.handle(request);
    CHECK(response.status == (c.passes ? 202 : 403));
    CHECK(header(response, "Access-Control-Allow-Origin") == (c.passes ? c.origin : ""));
  }
}

TEST_CASE("a preflight of an allowed origin may send the headers that it names") {
  const auto allowed = [](std::string_view requested) {
    Site site({.allowed_origins = {"https://shop.test"}});
    Request request = post({});
    request.method = "OPTIONS";
    request.origin = "https://shop.test";
    request.requested_headers = requested;
    return header(site.endpoint.handle(request), "Access-Control-Allow-Headers");
  };
  const std::string ours = "Content-Type, Content-Encoding";
  CHECK(allowed("baggage,content-type, x-requested-with") ==
        "baggage,content-type, x-requested-with");
  CHECK(allowed("") == ours);
  CHECK(allowed("a\r\nSet-Cookie: x") == ours);
  CHECK(allowed(std::string(5'000, 'x')) == ours);
}

TEST_CASE("a rejected origin is told what to change") {
  Site site;
  Request request = post(one_event);
  request.origin = "https://example.org";
  request.host = "127.0.0.1:8080";
  const Response response = site.endpoint.handle(request);
  check_problem(response, 403, "origin.rejected");
  const std::string detail = Json{response.body}.text("/detail");
  for (const std::string_view part :
       {"https://example.org", "127.0.0.1:8080", "proxy_set_header Host", "--allow-origin"}) {
    CAPTURE(part);
    CHECK(detail.find(part) != std::string::npos);
  }
}

TEST_CASE("a preflight is answered for allowed origins only") {
  struct Case {
    std::string_view origin;
    std::string_view sec_fetch_site;
    bool any_allowed;
    int status;
    bool may_read;
  };
  const Case cases[] = {
      {"https://shop.test", "cross-site", true, 204, true},
      {"https://shop.test", "", true, 204, true},
      {"https://SHOP.test", "", true, 204, true},
      {"http://shop.test", "cross-site", true, 403, false},
      {"https://shop.test:444", "", true, 403, false},
      {"https://evil.test", "cross-site", true, 403, false},
      {"null", "cross-site", true, 403, false},
      {"https://shop.test", "cross-site", false, 403, false},
      {"https://example.org", "", true, 204, false},
      {"", "", true, 204, false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.origin);
    CAPTURE(c.any_allowed);
    EndpointOptions options;
    if (c.any_allowed) options.allowed_origins = {"https://shop.test", "https://blog.test"};
    Site site{options};
    Request request = post({});
    request.method = "OPTIONS";
    request.content_type = {};
    request.origin = c.origin;
    request.sec_fetch_site = c.sec_fetch_site;
    const auto response = site.endpoint.before_body(request);
    REQUIRE(response);
    CHECK(response->status == c.status);
    CHECK(header(*response, "Vary") == (c.any_allowed ? "Origin" : ""));
    CHECK(header(*response, "Access-Control-Allow-Origin") == (c.may_read ? c.origin : ""));
    if (!c.may_read) continue;
    CHECK(response->body.empty());
    CHECK(header(*response, "Access-Control-Allow-Methods") == "POST");
    CHECK(header(*response, "Access-Control-Allow-Credentials") == "true");
    CHECK(header(*response, "Access-Control-Allow-Headers").find("Content-Type") !=
          std::string::npos);
    CHECK_FALSE(header(*response, "Access-Control-Max-Age").empty());
  }
}

TEST_CASE("an allowed origin, and no other, may read every answer") {
  struct Case {
    std::string_view what;
    std::function<void(Request&)> change;
    int status;
  };
  const std::string half = fmt::format("[{},7]", one_event);
  const Case cases[] = {
      {"accepted", [](Request&) {}, 202},
      {"partly accepted", [&half](Request& r) { r.body = half; }, 202},
      {"rejected", [](Request& r) { r.body = "7"; }, 400},
      {"not found", [](Request& r) { r.path = "/other"; }, 404},
      {"not allowed", [](Request& r) { r.method = "GET"; }, 405},
      {"too large", [](Request& r) { r.body = std::string_view{}; }, 413},
      {"of another type", [](Request& r) { r.content_type = "text/html"; }, 415},
      {"failed", [](Request& r) { r.body = R"({"event":"fail"})"; }, 503},
  };
  for (const std::string_view origin : {"https://shop.test", "https://example.org", ""}) {
    for (const Case& c : cases) {
      CAPTURE(origin);
      CAPTURE(c.what);
      Site site({.allowed_origins = {"https://shop.test"}});
      site.sink->always = [](const Batch& batch, Rejections&) {
        if (batch[0].name == "fail") throw Error{Error::unavailable, "down"};
      };
      Request request = post(one_event);
      request.origin = origin;
      c.change(request);
      const Response response =
          c.status == 413 ? site.endpoint.too_large(request) : site.endpoint.handle(request);
      CHECK(response.status == c.status);
      CHECK(header(response, "Vary") == "Origin");
      const bool may_read = origin == "https://shop.test";
      CHECK(header(response, "Access-Control-Allow-Origin") == (may_read ? origin : ""));
      CHECK(header(response, "Access-Control-Expose-Headers") == (may_read ? "Retry-After" : ""));
      CHECK(header(response, "Access-Control-Allow-Credentials") == (may_read ? "true" : ""));
    }
  }
}

// The context that is stored with an event that came in this request, or nothing.
std::string context_of(const EndpointOptions& options, const Request& request,
                       const Rules& rules = {}) {
  Site site{options, {.rules = rules}};
  REQUIRE(site.endpoint.handle(request).status == 202);
  const std::string line = site.lines().at(0);
  const std::size_t begin = line.find(R"("context":)");
  if (begin == std::string::npos) return {};
  Json stored{line};
  std::string context;
  for (const std::string_view name : {"ip", "user_agent", "referrer"}) {
    const std::string pointer = fmt::format("/context/{}", name);
    if (stored.has(pointer)) context += fmt::format("{}={} ", name, stored.text(pointer));
  }
  if (!context.empty()) context.pop_back();
  return context;
}

TEST_CASE("of the context only what was asked for is stored") {
  Request request = post(one_event);
  request.user_agent = "Mozilla/5.0 \"x\"";
  request.referrer = "https://example.org/from?token=1#top";
  struct Case {
    ContextFields fields;
    std::string_view context;
  };
  const Case cases[] = {
      {{}, ""},
      {{.ip = true}, "ip=192.0.2.0"},
      {{.user_agent = true}, "user_agent=Mozilla/5.0 \"x\""},
      {{.referrer = true}, "referrer=https://example.org/from?token=1#top"},
      {{.ip = true, .user_agent = true, .referrer = true},
       "ip=192.0.2.0 user_agent=Mozilla/5.0 \"x\" referrer=https://example.org/from?token=1#top"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.context);
    CHECK(context_of({.context = c.fields}, request) == c.context);
  }
  request.user_agent = request.referrer = request.peer = {};
  CHECK(context_of({.context = {true, true, true}}, request).empty());
}

TEST_CASE("headers that no browser sends leave a line that can be stored") {
  const EndpointOptions options{.context = {.user_agent = true, .referrer = true}};
  Request request = post(one_event);
  SUBCASE("not UTF-8") {
    request.user_agent = "a\xff\r\n\tb";
    CHECK(context_of(options, request) == "user_agent=a\xEF\xBF\xBD\r\n\tb");
  }
  SUBCASE("U+0000") {
    request.user_agent = std::string_view{"a\0b", 3};
    request.referrer = std::string_view{"https://a/\0", 11};
    CHECK(context_of(options, request) ==
          "user_agent=a\xEF\xBF\xBD"
          "b referrer=https://a/\xEF\xBF\xBD");
  }
  SUBCASE("too long") {
    const std::string long_text(20'000, 'x');
    request.user_agent = long_text;
    request.referrer = long_text;
    CHECK(context_of(options, request) == "user_agent=" + std::string(1024, 'x'));
  }
}

TEST_CASE(
    "an address is stored without its last part, and a proxy's word counts if it is trusted") {
  struct Case {
    std::string_view peer;
    std::string_view forwarded_for;
    std::string_view ip;
  };
  const Case cases[] = {
      {"192.0.2.7", "", "ip=192.0.2.0"},
      {"255.255.255.255", "", "ip=255.255.255.0"},
      {"::ffff:192.0.2.7", "", "ip=192.0.2.0"},
      {"2001:db8:1:2:3:4:5:6", "", "ip=2001:db8:1::"},
      {"::1", "", "ip=::"},
      {"192.0.2.7", "203.0.113.9", "ip=192.0.2.0"},
      {"10.0.0.1", "", "ip=10.0.0.0"},
      {"10.0.0.1", "203.0.113.9", "ip=203.0.113.0"},
      {"::ffff:10.0.0.1", "203.0.113.9", "ip=203.0.113.0"},
      {"fd00::5", "2001:db8:1:2::3", "ip=2001:db8:1::"},
      {"10.0.0.1", "198.51.100.1, 203.0.113.9", "ip=203.0.113.0"},
      {"10.0.0.1", "203.0.113.9,10.2.2.2", "ip=203.0.113.0"},
      {"10.0.0.1", " 203.0.113.9 ,\t10.2.2.2 , fd00::9", "ip=203.0.113.0"},
      {"10.0.0.1", "10.2.2.2", "ip=10.2.2.0"},
      {"10.0.0.1", "203.0.113.77:17085, 10.0.0.6", "ip=203.0.113.0"},
      {"10.0.0.1", "203.0.113.77, 10.0.0.6:443", "ip=203.0.113.0"},
      {"10.0.0.1", "[2001:db8:1:2::3]:443, [fd00::9], fd00::8", "ip=2001:db8:1::"},
      {"10.0.0.1", "203.0.113.9, , 10.2.2.2,", "ip=203.0.113.0"},
      {"10.0.0.1:5000", "2002:cb00:714d::1", "ip=203.0.113.0"},
      {"10.0.0.1", "unknown", ""},
      {"10.0.0.1", "203.0.113.9:port", ""},
      {"10.0.0.1", "203.0.113.9, unknown", ""},
      {"11.0.0.1", "203.0.113.9", "ip=11.0.0.0"},
      {"not an address", "203.0.113.9", ""},
      {"", "203.0.113.9", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.peer);
    CAPTURE(c.forwarded_for);
    Request request = post(one_event);
    request.peer = c.peer;
    request.forwarded_for = c.forwarded_for;
    const EndpointOptions options{.trusted_proxies = {"10.0.0.0/8", "fd00::/64"},
                                  .context = {.ip = true}};
    CHECK(context_of(options, request) == c.ip);
  }
}

TEST_CASE("what is stripped of addresses is stripped of the referrer, too") {
  struct Case {
    Rules rules;
    std::string_view referrer;
    std::string_view stored;
  };
  const Case cases[] = {
      {{}, "https://a/b?c#d", "https://a/b?c#d"},
      {{.strip_query = true}, "https://a/b?c#d", "https://a/b#d"},
      {{.strip_fragment = true}, "https://a/b?c#d", "https://a/b?c"},
      {{.strip_query = true, .strip_fragment = true}, "https://a/b?c#d", "https://a/b"},
      {{.strip_query = true}, "https://a/b#d?e", "https://a/b#d?e"},
      {{.strip_query = true, .strip_fragment = true}, "https://a/b", "https://a/b"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.stored);
    Request request = post(one_event);
    request.referrer = c.referrer;
    CHECK(context_of({.context = {.referrer = true}}, request, c.rules) ==
          fmt::format("referrer={}", c.stored));
  }
}

// A way in which events are not stored.
struct Failure {
  std::string_view what;
  std::function<void(const Batch&, Rejections&)> script;
  CollectorOptions options;
  std::string_view code;
};

std::vector<Failure> failures() {
  static const ManualClock long_ago{TimePoint{}};
  constexpr auto ignore = [](const Batch&, Rejections&) {};
  const auto fail = [](Error::Kind kind) {
    return [kind](const Batch&, Rejections&) { throw Error{kind, "/var/secret/place: no"}; };
  };
  return {
      {"unavailable", fail(Error::unavailable), {}, "sink.unavailable"},
      {"misconfigured", fail(Error::misconfigured), {}, "sink.unavailable"},
      {"in doubt", fail(Error::in_doubt), {}, "sink.in_doubt"},
      {"another exception",
       [](const Batch&, Rejections&) { throw std::runtime_error{"/var/secret/place"}; },
       {},
       "sink.in_doubt"},
      {"queue full", ignore, {.max_queue_bytes = 1}, "sink.unavailable"},
      {"clock before the build", ignore, {.clock = &long_ago}, "clock.wrong"},
  };
}

void check_unavailable(const Response& response, std::string_view code) {
  check_problem(response, 503, code);
  CHECK(header(response, "Retry-After") == "7");
  CHECK(response.body.find("secret") == std::string::npos);
}

TEST_CASE("what cannot be stored is 503 with Retry-After, and nothing about the inside") {
  for (const Failure& failure : failures()) {
    CAPTURE(failure.what);
    Site site{{.retry_after = std::chrono::seconds{7}}, failure.options};
    site.sink->always = failure.script;
    check_unavailable(site.endpoint.handle(post(one_event)), failure.code);
    CHECK(site.lines().empty());
  }
}

TEST_CASE("what is not confirmed by the deadline is 503 and in doubt") {
  std::promise<void> confirm;
  Site site{{.retry_after = std::chrono::seconds{7}},
            {.acknowledge_timeout = std::chrono::milliseconds{1}}};
  site.sink->always = [confirmed = confirm.get_future().share()](const Batch&, Rejections&) {
    confirmed.wait();
  };
  check_unavailable(site.endpoint.handle(post(one_event)), "sink.in_doubt");
  std::promise<Response> answered;
  site.endpoint.handle(post(one_event),
                       [&](Response response) { answered.set_value(std::move(response)); });
  const Response later = answered.get_future().get();
  CHECK(later.status == 503);
  CHECK(header(later, "Retry-After") == "7");
  confirm.set_value();
}

TEST_CASE("bad events get their 400 even where nothing can be stored") {
  Site site;
  site.sink->always = [](const Batch&, Rejections&) { throw Error{Error::unavailable, "down"}; };
  check_problem(site.endpoint.handle(post("7")), 400, "event.not_object");
}

TEST_CASE("the completion form gives the same answers as the blocking one") {
  const auto both = [](const EndpointOptions& options, const CollectorOptions& collector_options,
                       const std::function<void(const Batch&, Rejections&)>& script,
                       const Request& request) {
    Site blocking{options, collector_options};
    blocking.sink->always = script;
    const Response expected = blocking.endpoint.handle(request);

    Site completing{options, collector_options};
    completing.sink->always = script;
    std::promise<Response> answered;
    completing.endpoint.handle(request,
                               [&](Response response) { answered.set_value(std::move(response)); });
    const Response response = answered.get_future().get();
    CHECK(response.status == expected.status);
    CHECK(response.headers == expected.headers);
    CHECK(response.body == expected.body);
    CHECK(completing.lines().size() == blocking.lines().size());
    return expected.status;
  };
  const EndpointOptions options{.max_body_bytes = 4096, .allowed_origins = {"https://shop.test"}};
  const auto store = [](const Batch&, Rejections&) {};

  struct Case {
    std::string_view what;
    std::function<void(Request&)> change;
    int status;
  };
  const std::string half = fmt::format("[{},7]", one_event);
  const std::string large(4097, ' ');
  const Case cases[] = {
      {"accepted", [](Request&) {}, 202},
      {"partly accepted", [&half](Request& r) { r.body = half; }, 202},
      {"rejected", [](Request& r) { r.body = "7"; }, 400},
      {"empty", [](Request& r) { r.body = {}; }, 400},
      {"no gzip", [](Request& r) { r.content_encoding = "gzip"; }, 400},
      {"a foreign origin", [](Request& r) { r.origin = "https://evil.test"; }, 403},
      {"not found", [](Request& r) { r.path = "/other"; }, 404},
      {"not allowed", [](Request& r) { r.method = "GET"; }, 405},
      {"preflight", [](Request& r) { r.method = "OPTIONS"; }, 204},
      {"too large", [&large](Request& r) { r.body = large; }, 413},
      {"of another type", [](Request& r) { r.content_type = "text/html"; }, 415},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Request request = post(one_event);
    request.origin = "https://shop.test";
    c.change(request);
    CHECK(both(options, {}, store, request) == c.status);
  }
  for (const Failure& failure : failures()) {
    CAPTURE(failure.what);
    CHECK(both(options, failure.options, failure.script, post(one_event)) == 503);
  }
}

TEST_CASE("a request in completion form need not outlive the call") {
  Site site({.allowed_origins = {"https://shop.test"}, .context = {.user_agent = true}});
  std::promise<void> gone;
  site.sink->always = [is_gone = gone.get_future().share()](const Batch&, Rejections&) {
    is_gone.wait();
  };
  std::promise<Response> answered;
  {
    auto texts = std::make_unique<std::vector<std::string>>(std::vector<std::string>{
        std::string{one_event}, "https://shop.test", "a browser with a long name", "POST"});
    Request request = post((*texts)[0]);
    request.origin = (*texts)[1];
    request.user_agent = (*texts)[2];
    request.method = (*texts)[3];
    site.endpoint.handle(request,
                         [&](Response response) { answered.set_value(std::move(response)); });
    for (std::string& text : *texts) text.assign(text.size(), '!');
  }
  gone.set_value();
  const Response response = answered.get_future().get();
  CHECK(response.status == 202);
  CHECK(header(response, "Access-Control-Allow-Origin") == "https://shop.test");
  CHECK(Json{site.lines().at(0)}.text("/context/user_agent") == "a browser with a long name");
}

TEST_CASE("answers are counted by status, each once, by all copies together") {
  Site site;
  const Endpoint copy = site.endpoint;
  CHECK(copy.statistics().responses.empty());
  Request get = post({});
  get.method = "GET";
  site.endpoint.handle(post(one_event));
  copy.handle(post(one_event));
  copy.handle(post("7"));
  copy.handle(get);
  copy.before_body(get);
  copy.before_body(post({}));
  copy.too_large(post({}));
  std::promise<void> answered;
  copy.handle(post(one_event), [&](const Response&) { answered.set_value(); });
  answered.get_future().get();
  const std::vector<std::pair<int, std::uint64_t>> expected{{202, 3}, {400, 1}, {405, 2}, {413, 1}};
  CHECK(site.endpoint.statistics().responses == expected);
}

TEST_CASE("the path is an option") {
  Site site({.path = "/a/b"});
  Request request = post(one_event);
  CHECK(site.endpoint.handle(request).status == 404);
  request.path = "/a/b";
  CHECK(site.endpoint.handle(request).status == 202);
}

TEST_CASE("an option that is no path, origin or network is named") {
  struct Case {
    EndpointOptions options;
    std::string_view named;
  };
  const Case cases[] = {
      {{.path = ""}, "''"},
      {{.path = "events"}, "'events'"},
      {{.path = "/events?a"}, "'/events?a'"},
      {{.path = "/events#a"}, "'/events#a'"},
      {{.allowed_origins = {"https://a.test", "b.test"}}, "'b.test'"},
      {{.allowed_origins = {"*"}}, "'*'"},
      {{.allowed_origins = {"NULL"}}, "'NULL'"},
      {{.allowed_origins = {"https://a.test/"}}, "'https://a.test/'"},
      {{.allowed_origins = {"https://"}}, "'https://'"},
      {{.allowed_origins = {"://a.test"}}, "'://a.test'"},
      {{.allowed_origins = {"https://*"}}, "'https://*'"},
      {{.allowed_origins = {"https://a.*.test"}}, "'https://a.*.test'"},
      {{.allowed_origins = {"https://*a.test"}}, "'https://*a.test'"},
      {{.allowed_origins = {"*://a.test"}}, "'*://a.test'"},
      {{.allowed_origins = {"https://*.*.a.test"}}, "'https://*.*.a.test'"},
      {{.allowed_origins = {"https://*.10.0.0.1"}}, "'https://*.10.0.0.1'"},
      {{.allowed_origins = {"https://a.test:"}}, "'https://a.test:'"},
      {{.allowed_origins = {"https://a.test:0"}}, "'https://a.test:0'"},
      {{.allowed_origins = {"https://a.test:08443"}}, "'https://a.test:08443'"},
      {{.allowed_origins = {"https://a.test:65536"}}, "'https://a.test:65536'"},
      {{.allowed_origins = {"https://a.test:x"}}, "'https://a.test:x'"},
      {{.allowed_origins = {"https://a.test?"}}, "'https://a.test?'"},
      {{.allowed_origins = {"https://me@a.test"}}, "allow-origin: the value"},
      {{.allowed_origins = {"https://caf\u00e9.test"}}, "xn--"},
      {{.allowed_origins = {"https://a..test"}}, "'https://a..test'"},
      {{.allowed_origins = {"http://10.0.1"}}, "'http://10.0.1'"},
      {{.allowed_origins = {"http://::1"}}, "'http://::1'"},
      {{.allowed_origins = {"http://[::1"}}, "'http://[::1'"},
      {{.allowed_origins = {"ht tp://a.test"}}, "'ht tp://a.test'"},
      {{.allowed_origins = {"file://a.test"}}, "'file://a.test'"},
      {{.client_ip_header = "X-Real-IP"}, "client-ip-header: 'X-Real-IP'"},
      {{.trusted_proxies = {"::1"}, .client_ip_header = "X Real IP"}, "'X Real IP'"},
      {{.trusted_proxies = {"::1"}, .client_ip_header = ""}, "''"},
      {{.allowed_origins = {"https://a.test https://b.test"}}, "'https://a.test https://b.test'"},
      {{.trusted_proxies = {"10.0.0.0/33"}}, "'10.0.0.0/33'"},
      {{.trusted_proxies = {"fd00::/129"}}, "'fd00::/129'"},
      {{.trusted_proxies = {"10.0.0.0/"}}, "'10.0.0.0/'"},
      {{.trusted_proxies = {"10.0.0.0/-1"}}, "'10.0.0.0/-1'"},
      {{.trusted_proxies = {"localhost"}}, "'localhost'"},
      {{.trusted_proxies = {""}}, "''"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.named);
    Collector collector{std::make_shared<MemorySink>()};
    try {
      const Endpoint endpoint{collector, c.options};
      FAIL_CHECK("was accepted");
    } catch (const ConfigError& error) {
      CHECK(std::string_view{error.what()}.find(c.named) != std::string_view::npos);
    }
  }
}

}  // namespace
}  // namespace eventcollect
