#include "eventcollect/client.hpp"

#include <doctest/doctest.h>

namespace eventcollect::test {
namespace {

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

Response ask(std::string_view query, std::string_view if_none_match = {}) {
  Request request;
  request.method = "GET";
  request.query = query;
  request.if_none_match = if_none_match;
  return client_response(request);
}

TEST_CASE("the client is a script beside the endpoint") {
  CHECK(client_path("/events") == "/events/client.js");
  const Response response = ask({});
  CHECK(response.status == 200);
  CHECK(header(response, "Content-Type") == "text/javascript; charset=utf-8");
  CHECK(response.body.find("sent_time") != std::string::npos);
}

TEST_CASE("a browser that has the client is told so") {
  const std::string etag = header(ask({}), "ETag");
  REQUIRE(etag.size() > 2);
  const std::string weak = "W/" + etag;  // as proxies make it that compress
  for (const std::string& known : {etag, weak, "\"older\", " + etag, std::string{"*"}}) {
    CAPTURE(known);
    const Response response = ask({}, known);
    CHECK(response.status == 304);
    CHECK(response.body.empty());
    CHECK(header(response, "ETag") == etag);
    CHECK(header(response, "Cache-Control") == "no-cache");
    CHECK(header(response, "Content-Type").empty());
  }
  CHECK(ask({}, "\"older\"").status == 200);
}

TEST_CASE("the client takes nothing") {
  for (const std::string_view method : {"POST", "PUT", "DELETE", "OPTIONS", ""}) {
    CAPTURE(method);
    Request request;
    request.method = method;
    const Response response = client_response(request);
    CHECK(response.status == 405);
    CHECK(header(response, "Allow") == "GET, HEAD");
  }
}

TEST_CASE("only the version that is served may be kept without asking again") {
  const std::string current = "v=" + std::string{client_version()};
  CHECK(header(ask(current), "Cache-Control") == "public, max-age=31536000, immutable");
  for (const std::string_view query : {"", "v=", "v=1", "w"}) {
    CHECK(header(ask(query), "Cache-Control") == "no-cache");
  }
}

}  // namespace
}  // namespace eventcollect::test
