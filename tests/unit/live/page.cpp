#include "live/page.hpp"

#include <doctest/doctest.h>

#include "eventcollect/memory.hpp"
#include "eventcollect/url.hpp"
#include "support/events.hpp"
#include "support/json.hpp"

namespace eventcollect::test {
namespace {

using live::Access;
using live::check_access;
using live::Page;
using live::Recent;

constexpr std::string_view token = "0123456789abcdef";

struct Setup {
  explicit Setup(Access access = {"admin.test", ""})
      : page{std::move(access), recent, collector, endpoint, clock} {}

  // Asked for by the page itself, on this machine.
  static Request request(std::string_view path) {
    Request request;
    request.method = "GET";
    request.path = path;
    request.host = "127.0.0.1:8081";
    request.sec_fetch_site = "same-origin";
    return request;
  }

  Response check(std::string_view body) const {
    Request request = Setup::request("/live/check");
    request.body = body;
    return page.check(request);
  }

  ManualClock clock{some_time};
  Recent recent;
  Collector collector{std::make_shared<MemorySink>(), {.clock = &clock}};
  Endpoint endpoint{collector};
  Page page;
};

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace

TEST_CASE("the page is made of files of its own, and may load nothing else") {
  const Setup setup;
  for (const std::string_view path : Page::file_paths()) {
    CAPTURE(path);
    const Response response = setup.page.file(Setup::request(path));
    CHECK(response.status == 200);
    CHECK_FALSE(response.body.empty());
    CHECK(response.body.find("http://") == response.body.find("http://www.w3.org/"));
    CHECK(header(response, "Content-Security-Policy").starts_with("default-src 'none'"));
    CHECK(header(response, "Content-Security-Policy").find("unsafe") == std::string::npos);
  }
  CHECK(header(setup.page.file(Setup::request("/live/live.js")), "Content-Type") ==
        "text/javascript; charset=utf-8");
}

TEST_CASE("a request to a name that is not ours is rejected") {
  const Setup setup;
  struct Case {
    std::string_view host;
    int status;
  };
  const Case cases[] = {
      {"127.0.0.1:8081", 200},      {"127.0.0.1", 200},           {"[::1]:8081", 200},
      {"10.1.2.3:8081", 200},       {"localhost:9000", 200},      {"LocalHost", 200},
      {"admin.test:8081", 200},     {"ADMIN.test", 200},          {"evil.test:8081", 403},
      {"app.localhost:8081", 200},  {"localhost.:8081", 200},     {"evillocalhost", 403},
      {"localhost.evil.test", 403}, {"127.0.0.1.evil.test", 403}, {"", 403},
  };
  for (const Case& c : cases) {
    CAPTURE(c.host);
    Request request = Setup::request("/live");
    request.host = c.host;
    CHECK(setup.page.file(request).status == c.status);
    CHECK(setup.page.events(request).status == c.status);
    CHECK(setup.page.check(request).status == c.status);
  }
}

TEST_CASE("a page of another site gets no events, but may link to the page") {
  const Setup setup;
  for (const std::string_view site : {"cross-site", "same-site"}) {
    Request request = Setup::request("/live/events");
    request.sec_fetch_site = site;
    CHECK(setup.page.events(request).status == 403);
    CHECK(setup.page.check(request).status == 403);
    request.path = "/live";
    CHECK(setup.page.file(request).status == 200);
  }
}

TEST_CASE("where there is a token, events are for those who show it") {
  const Setup setup{{"0.0.0.0", std::string{token}}};
  const auto status = [&](std::string_view authorization) {
    Request request = Setup::request("/live/events");
    request.authorization = authorization;
    const Response response = setup.page.events(request);
    CHECK(setup.page.check(request).status == response.status);
    CHECK((response.status == 401) == (header(response, "WWW-Authenticate") != ""));
    return response.status;
  };
  CHECK(status("Bearer 0123456789abcdef") == 200);
  CHECK(status("bearer 0123456789abcdef") == 200);
  for (const std::string_view wrong :
       {"", "Bearer", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef",
        "Bearer 0123456789abcde", "Bearer 0123456789abcdeg", "Bearer 0123456789abcdef0",
        "Bearer 0123456789abcdef0123456789abcdef"}) {
    CAPTURE(wrong);
    CHECK(status(wrong) == 401);
  }
  CHECK(setup.page.file(Setup::request("/live")).status == 200);
}

TEST_CASE("a page that others can reach needs a token that cannot be guessed") {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
    CHECK_NOTHROW(check_access(host, ""));
  }
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "admin.test"}) {
    CHECK_THROWS_AS(check_access(host, ""), ConfigError);
    CHECK_NOTHROW(check_access(host, std::string{token}));
  }
  CHECK_THROWS_WITH_AS(check_access("::", "short"),
                       "--live-token must have at least 16 characters, got 5", ConfigError);
  CHECK_THROWS_AS(check_access("127.0.0.1", "with a blank 0123456789"), ConfigError);
}

TEST_CASE("events come as they are stored, with a line of counts behind them") {
  Setup setup;
  setup.recent.note_stored(batch_of({R"({"event":"a","properties":{"n":12345678901234567890}})"}),
                           {});
  const Response response = setup.page.events(Setup::request("/live/events"));
  const auto lines = lines_of(response.body);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("12345678901234567890") != std::string::npos);
  const Json counts{lines[1]};
  CHECK(counts.text("/cursor") == "1.0");
  CHECK(counts.number("/stored") == 1);
  CHECK(counts.number("/rejected") == 0);
  CHECK(counts.number("/now") == to_milliseconds(some_time));
  CHECK(header(response, "Cache-Control") == "no-store");
}

TEST_CASE("the query is a cursor, or nothing") {
  const Setup setup;
  Request request = Setup::request("/live/events");
  for (const std::string_view good : {"", "after=0.0", "after=12.3"}) {
    request.query = good;
    CHECK(setup.page.events(request).status == 200);
  }
  for (const std::string_view bad : {"after=", "after=1", "after=1.", "after=.1", "after=-1.0",
                                     "after=1.0x", "after=99999999999999999999.0", "before=1.0"}) {
    CAPTURE(bad);
    request.query = bad;
    CHECK(setup.page.events(request).status == 400);
  }
}

TEST_CASE("a checked event gets the answer that a client would get, and is not stored") {
  Setup setup;
  const auto good = lines_of(setup.check(R"({"event":"a"})").body);
  REQUIRE(good.size() == 2);
  CHECK(good[0] == R"({"status":202,"accepted":1,"answer":null})");
  CHECK(Json{good[1]}.text("/event") == "a");
  const auto mixed = lines_of(setup.check(R"([{"event":"a"},{"event":5}])").body);
  REQUIRE(mixed.size() == 2);
  CHECK(Json{mixed[0]}.number("/status") == 202);
  CHECK(Json{mixed[0]}.text("/answer/rejected/0/code") == "event.type");
  CHECK(Json{mixed[0]}.text("/answer/rejected/0/pointer") == "/event");
  CHECK(Json{lines_of(setup.check("{").body)[0]}.number("/status") == 400);
  CHECK(Json{lines_of(setup.check("").body)[0]}.text("/answer/code") == "body.empty");
  CHECK(setup.collector.statistics().events_accepted == 0);
  CHECK(setup.recent.append_news(*std::make_unique<std::string>(), {}, some_time).stored == 0);
}

TEST_CASE("what is checked is answered with a bounded number of lines") {
  const Setup setup;
  std::string body = "[";
  for (int i = 0; i < 500; ++i) body += R"({"event":"a"},)";
  body.back() = ']';
  const auto lines = lines_of(setup.check(body).body);
  CHECK(Json{lines[0]}.number("/accepted") == 500);
  CHECK(lines.size() == 21);
  const std::string large(Page::max_check_bytes + 1, ' ');
  CHECK(Json{lines_of(setup.check(large).body)[0]}.number("/status") == 413);
}

}  // namespace eventcollect::test
