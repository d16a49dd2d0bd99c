#include "server/site.hpp"

#include <doctest/doctest.h>

#include "eventcollect/url.hpp"
#include "support/events.hpp"
#include "support/gate_sink.hpp"

namespace eventcollect::test {
namespace {

struct Setup {
  Setup() { gate->let_all(); }

  // The answer to a request without a body, or nothing where a body is wanted.
  std::optional<http::Answer> ask(std::string_view method, std::string_view path) {
    Request request;
    request.method = method;
    request.path = path;
    request.content_type = "application/json";
    return site.before_body(request);
  }

  std::shared_ptr<GateSink> gate = std::make_shared<GateSink>();
  Collector collector{gate};
  Endpoint endpoint{collector, {.path = "/e", .max_body_bytes = 10'000}};
  server::Site site{{
      server::events_route("/e", endpoint),
      server::page_route("/",
                         [] {
                           return Response{200, {{"Content-Type", "text/html"}}, "page"};
                         }),
      {.path = "/echo",
       .methods = {"POST"},
       .answer =
           [](const Request& request) {
             return Response{201, {}, std::string{request.path}};
           }},
  }};
};

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace

TEST_CASE("a route answers its methods at its path") {
  Setup setup;
  for (const std::string_view method : {"GET", "HEAD"}) {
    const auto page = setup.ask(method, "/");
    REQUIRE(page);
    CHECK(page->response.status == 200);
    CHECK(page->body() == "page");  // which is not sent to HEAD, but counted
    CHECK(header(page->response, "Content-Type") == "text/html");
  }
  const auto echo = setup.ask("POST", "/echo");
  REQUIRE(echo);
  CHECK(echo->response.status == 201);
  CHECK(echo->body() == "/echo");
}

TEST_CASE("another method is answered with the methods that are allowed") {
  Setup setup;
  for (const std::string_view method : {"POST", "PUT", "OPTIONS", "get"}) {
    const auto answer = setup.ask(method, "/");
    REQUIRE(answer);
    CHECK(answer->response.status == 405);
    CHECK(header(answer->response, "Allow") == "GET, HEAD");
    CHECK(answer->body() == "Only GET and HEAD are allowed.\n");
  }
  CHECK(header(setup.ask("GET", "/echo")->response, "Allow") == "POST");
}

TEST_CASE("a path is matched as it is, and every other one is not found") {
  Setup setup;
  for (const std::string_view path : {"/nowhere", "//", "/e/", "/E", "/echo/", "/%65cho"}) {
    CAPTURE(path);
    const auto answer = setup.ask("GET", path);
    REQUIRE(answer);
    CHECK(answer->response.status == 404);
  }
}

TEST_CASE("the endpoint's path is the endpoint's, with all methods and bodies") {
  Setup setup;
  CHECK(setup.site.max_body_bytes() == 10'000);
  CHECK_FALSE(setup.ask("POST", "/e"));
  CHECK(setup.ask("GET", "/e")->response.status == 405);
  CHECK(header(setup.ask("GET", "/e")->response, "Allow") == "POST, OPTIONS");
  Request request;
  request.method = "POST";
  request.path = "/e";
  request.content_type = "application/json";
  CHECK(setup.site.too_large(request).status == 413);
  const std::string body = event_named("a");
  request.body = body;
  int status = 0;
  setup.site.handle(request, [&](const Response& response) { status = response.status; });
  setup.collector.close(std::chrono::seconds{10});
  CHECK(status == 202);
  CHECK(setup.gate->names() == std::vector<std::string>{"a"});
}

TEST_CASE("a route that wants a body is asked once it has come, up to its own limit") {
  Setup setup;
  server::Site site{{server::events_route("/e", setup.endpoint),
                     {.path = "/echo",
                      .methods = {"POST"},
                      .answer =
                          [](const Request& request) {
                            return Response{200, {}, std::string{request.body}};
                          },
                      .max_body_bytes = 5}}};
  CHECK(site.max_body_bytes() == 10'000);
  const auto post = [&](std::string_view body) {
    Request request;
    request.method = "POST";
    request.path = "/echo";
    CHECK_FALSE(site.before_body(request));
    request.body = body;
    Response answer;
    site.handle(request, [&](const Response& response) { answer = response; });
    return answer;
  };
  CHECK(post("12345").body == "12345");
  CHECK(post("123456").status == 413);
  CHECK(post("123456").body == "The body must not exceed 5 bytes.\n");
  Request get;
  get.method = "GET";
  get.path = "/echo";
  CHECK(site.before_body(get)->response.status == 405);
}

TEST_CASE("a path that two routes have is rejected") {
  const auto page = [] { return Response{200, {}, "page"}; };
  CHECK_THROWS_WITH_AS(
      (server::Site{{server::page_route("/", page), server::page_route("/metrics", page),
                     server::page_route("/metrics", page)}}),
      "two routes have the path '/metrics': choose another --path", ConfigError);
}

TEST_CASE("a site without an endpoint takes no bodies") {
  server::Site site{{server::page_route("/", [] { return Response{200, {}, "page"}; })}};
  CHECK(site.max_body_bytes() == 0);
}

}  // namespace eventcollect::test
