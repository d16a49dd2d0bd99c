#include "server/live_routes.hpp"

#include <doctest/doctest.h>

namespace eventcollect::test {

using server::live_link;
using server::with_live_link;

TEST_CASE("the demo page links to a live page of the same machine, if both are for this one only") {
  const http::HostPort admin{"127.0.0.1", 8081};
  CHECK(live_link(admin, "127.0.0.1").find("http://127.0.0.1:8081/live\"") != std::string::npos);
  CHECK(live_link(admin, "localhost") == live_link(admin, "::1"));
  CHECK(live_link(admin, "0.0.0.0").empty());
  CHECK(live_link(admin, "events.example.org").empty());
  CHECK(live_link({"0.0.0.0", 8081}, "127.0.0.1").empty());
}

TEST_CASE("a page without the place for the link stays as it is") {
  const auto page = [](const char* text) { return std::make_shared<const std::string>(text); };
  CHECK(*with_live_link(page("a<!--live-->b"), "LINK") == "aLINKb");
  CHECK(*with_live_link(page("a<!--live-->b"), "") == "a<!--live-->b");
  CHECK(*with_live_link(page("ab"), "LINK") == "ab");
}

}  // namespace eventcollect::test
