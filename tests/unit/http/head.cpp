#include "http/head.hpp"

#include <doctest/doctest.h>

#include <string>

namespace eventcollect::http {
namespace {

HeadResult result_of(std::string_view text) {
  Head head;
  return parse_head(text, head);
}

// A head with these fields behind a Host.
std::string with(const std::string& fields) {
  return "POST /events HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

TEST_CASE("a head is complete at its empty line, and not before") {
  const std::string text = with("Content-Type: application/json\r\nContent-Length: 5\r\n");
  for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
    CHECK(result_of(text.substr(0, bytes)) == HeadResult::incomplete);
  }
  Head head;
  CHECK(parse_head(text + "12345GET /", head) == HeadResult::complete);
  CHECK(head.text == text);
}

TEST_CASE("a head says what an endpoint asks for, in views of its own text") {
  const std::string text =
      "POST /events?a=b&c HTTP/1.1\r\n"
      "host:example.org:80\r\n"
      "CONTENT-TYPE: \t text/plain; charset=utf-8 \t\r\n"
      "content-encoding: gzip\r\n"
      "Origin: https://example.org\r\n"
      "Sec-Fetch-Site: same-origin\r\n"
      "X-Forwarded-Host: b\r\n"
      "User-Agent: Browser/1 (\xC3\xA4)\r\n"
      "Referer: https://example.org/page\r\n"
      "authorization: Bearer token\r\n"
      "If-None-Match: \"a\"\r\n"
      "Cookie: secret\r\n\r\n";
  Head head;
  REQUIRE(parse_head(text, head) == HeadResult::complete);
  const Request& request = head.request;
  CHECK(request.method == "POST");
  CHECK(request.path == "/events");
  CHECK(request.query == "a=b&c");
  CHECK(request.authorization == "Bearer token");
  CHECK(request.host == "example.org:80");
  CHECK(request.content_type == "text/plain; charset=utf-8");
  CHECK(request.content_encoding == "gzip");
  CHECK(request.origin == "https://example.org");
  CHECK(request.sec_fetch_site == "same-origin");
  CHECK(request.forwarded_host == "b");
  CHECK(request.user_agent == "Browser/1 (\xC3\xA4)");
  CHECK(request.referrer == "https://example.org/page");
  CHECK(request.if_none_match == "\"a\"");
  CHECK(request.forwarded_for.empty());
  CHECK(request.body.empty());
  CHECK_FALSE(request.is_admitted);
  CHECK(request.path.data() >= head.text.data());
  CHECK(request.path.data() < head.text.data() + head.text.size());
}

TEST_CASE("several lines of a field are one list") {
  Head head;
  REQUIRE(parse_head(with("X-Forwarded-For: 1.1.1.1\r\nOrigin: https://a\r\n"
                          "X-Forwarded-For: 2.2.2.2, 3.3.3.3\r\nOrigin: https://b\r\n"
                          "Content-Encoding: gzip\r\nContent-Encoding: br\r\n"
                          "Content-Type: text/plain\r\nContent-Type: application/json\r\n"
                          "x-forwarded-for: 4.4.4.4\r\nUser-Agent: a\r\n"),
                     head) == HeadResult::complete);
  CHECK(head.request.forwarded_for == "1.1.1.1, 2.2.2.2, 3.3.3.3, 4.4.4.4");
  CHECK(head.request.origin == "https://a, https://b");
  CHECK(head.request.content_encoding == "gzip, br");
  CHECK(head.request.content_type == "text/plain, application/json");
  CHECK(head.request.user_agent == "a");
}

TEST_CASE("fields that are lists are read as lists") {
  Head head;
  REQUIRE(parse_head(with("Connection: Upgrade,, \tClose\r\nExpect: x, 100-continue\r\n"), head) ==
          HeadResult::complete);
  CHECK_FALSE(head.keeps_alive);
  CHECK(head.expects_continue);
  Head old;
  REQUIRE(parse_head("GET / HTTP/1.0\r\nConnection: TE, Keep-Alive\r\n\r\n", old) ==
          HeadResult::complete);
  CHECK(old.keeps_alive);
  Head other;
  REQUIRE(parse_head(with("Connection: closed, not-close\r\nExpect: 100-continues\r\n"), other) ==
          HeadResult::complete);
  CHECK(other.keeps_alive);
  CHECK_FALSE(other.expects_continue);
}

TEST_CASE("a target may be a whole URL, whose server counts in place of Host") {
  struct Case {
    std::string line;
    std::string path;
    std::string query;
    std::string host;
  };
  const Case cases[] = {
      {"POST http://a.example:8080/events HTTP/1.1", "/events", "", "a.example:8080"},
      {"POST HTTPS://[::1]/events?a=http://b HTTP/1.1", "/events", "a=http://b", "[::1]"},
      {"GET http://a.example HTTP/1.1", "/", "", "a.example"},
      {"GET http://a.example?query HTTP/1.1", "/", "query", "a.example"},
      {"GET /http://a.example/ HTTP/1.1", "/http://a.example/", "", "other"},
      {"OPTIONS * HTTP/1.1", "*", "", "other"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.line);
    Head head;
    REQUIRE(parse_head(c.line + "\r\nHost: other\r\n\r\n", head) == HeadResult::complete);
    CHECK(head.request.path == c.path);
    CHECK(head.request.query == c.query);
    CHECK(head.request.host == c.host);
  }
}

TEST_CASE("the client's address is read from the header that is named") {
  Head head;
  REQUIRE(parse_head(with("X-Forwarded-For: 1.1.1.1\r\nX-Real-IP: 2.2.2.2\r\n"), head,
                     "x-real-ip") == HeadResult::complete);
  CHECK(head.request.forwarded_for == "2.2.2.2");
}

TEST_CASE("a head says how its body is framed") {
  Head none;
  REQUIRE(parse_head(with(""), none) == HeadResult::complete);
  CHECK_FALSE(none.has_body());
  Head empty;
  REQUIRE(parse_head(with("Content-Length: 0\r\n"), empty) == HeadResult::complete);
  CHECK_FALSE(empty.has_body());
  Head length;
  REQUIRE(parse_head(with("content-length: 0012\r\nExpect: 100-Continue\r\n"), length) ==
          HeadResult::complete);
  CHECK(length.content_length == 12);
  CHECK(length.has_body());
  CHECK(length.expects_continue);
  Head chunked;
  REQUIRE(parse_head(with("Transfer-Encoding: Chunked\r\n"), chunked) == HeadResult::complete);
  CHECK(chunked.is_chunked);
  CHECK(chunked.has_body());
  CHECK_FALSE(chunked.expects_continue);
}

TEST_CASE("a connection is kept by default in HTTP/1.1, and only if asked for in HTTP/1.0") {
  struct Case {
    std::string text;
    bool keeps_alive;
  };
  const Case cases[] = {
      {with(""), true},
      {with("Connection: Close\r\n"), false},
      {with("Connection: keep-alive\r\nConnection: close\r\n"), false},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    Head head;
    REQUIRE(parse_head(c.text, head) == HeadResult::complete);
    CHECK(head.keeps_alive == c.keeps_alive);
  }
}

TEST_CASE("a head that two readers could read in two ways is malformed") {
  const std::string heads[] = {
      with("Content-Length: 5\r\nContent-Length: 5\r\n"),
      with("Content-Length: 5\r\nContent-Length: 6\r\n"),
      with("Content-Length: 5, 5\r\n"),
      with("Transfer-Encoding: chunked, chunked\r\n"),
      with("Transfer-Encoding: , chunked\r\n"),
      with("Transfer-Encoding: chunked,\r\n"),
      with("Transfer-Encoding: chunked , \r\n"),
      with("Transfer-Encoding: ,\r\n"),
      with("Transfer-Encoding: chunked,,gzip\r\n"),
      with("Transfer-Encoding:\r\n"),
      with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
      with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      with("Content-Length: +5\r\n"),
      with("Content-Length: -5\r\n"),
      with("Content-Length: 0x5\r\n"),
      with("Content-Length: 5x\r\n"),
      with("Content-Length:\r\n"),
      with("Content-Length: 99999999999999999999\r\n"),
      with("Content-Length : 5\r\n"),
      with(" Content-Length: 5\r\n"),
      with("X: y\r\n folded: 5\r\n"),
      with("X: y\nContent-Length: 5\r\n"),
      with("X: y\rContent-Length: 5\r\n"),
      with("X\r\n"),
      with(": y\r\n"),
      with("X(: y\r\n"),
      with("X: a\x01z\r\n"),
      with("X: a\x7Fz\r\n"),
      with("Host: b\r\n"),
      "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
      "GET http://a/ HTTP/1.1\r\n\r\n",
      "POST /events HTTP/1.1\r\n\r\n",
      "POST /events HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
  };
  for (const std::string& head : heads) {
    CAPTURE(head);
    CHECK(result_of(head) == HeadResult::malformed);
  }
  CHECK(result_of(with(std::string("X: a\0z\r\n", 8))) == HeadResult::malformed);
}

TEST_CASE("a request line is a method, a path and a version, with one space between") {
  for (const std::string line : {"GET  / HTTP/1.1",
                                 "GET / HTTP/1.1 ",
                                 " GET / HTTP/1.1",
                                 "GET /",
                                 "GET",
                                 "",
                                 "GET\t/\tHTTP/1.1",
                                 "GET a HTTP/1.1",
                                 "GET http:/// HTTP/1.1",
                                 "* HTTP/1.1",
                                 "GET ftp://a/ HTTP/1.1",
                                 "GET http HTTP/1.1",
                                 "GET http://a@b/ HTTP/1.1",
                                 "GET http://a#b HTTP/1.1",
                                 "GET * HTTP/1.1",
                                 "CONNECT a:80 HTTP/1.1",
                                 "GET / HTTP/2.0",
                                 "GET / http/1.1",
                                 "G(T / HTTP/1.1",
                                 "GET /a b HTTP/1.1",
                                 "GET /\x7F HTTP/1.1"}) {
    CAPTURE(line);
    CHECK(result_of(line + "\r\nHost: a\r\n\r\n") == HeadResult::malformed);
  }
}

TEST_CASE("no transfer coding but chunked is supported") {
  CHECK(result_of(with("Transfer-Encoding: gzip\r\n")) == HeadResult::unsupported);
  CHECK(result_of(with("Transfer-Encoding: gzip, chunked\r\n")) == HeadResult::unsupported);
  CHECK(result_of(with("Transfer-Encoding: identity\r\n")) == HeadResult::unsupported);
  CHECK(result_of(with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")) ==
        HeadResult::unsupported);
}

TEST_CASE("a head that is watched is complete at its end, however it is cut") {
  const std::string text = with("Content-Length: 5\r\n");
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    HeadWatch watch;
    for (std::size_t bytes = piece; bytes < text.size(); bytes += piece) {
      CHECK(watch.look(text.substr(0, bytes)) == HeadResult::incomplete);
    }
    CHECK(watch.look(text + "12345") == HeadResult::complete);
  }
}

TEST_CASE("a head that is watched is not looked at from its begin for each piece") {
  HeadWatch watch;
  std::string text = with("X: y");
  text.resize(text.size() - 2);
  REQUIRE(watch.look(text) == HeadResult::incomplete);
  // The end of a head and what is none, where it has looked already.
  text.replace(0, 5, std::string{"\r\n\r\n\0", 5});
  text += "\r\nY: z";
  CHECK(watch.look(text) == HeadResult::incomplete);
  CHECK(watch.look(text + '\0') == HeadResult::malformed);
}

}  // namespace
}  // namespace eventcollect::http
