// What is left of a request in the connection is never taken for the next one, whoever answers.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/httplib_app.hpp"
#include "support/raw_http.hpp"

namespace eventcollect {
namespace {

using App = test::HttplibApp;
using test::chunks_of;
using test::count;
using test::one_event;
using test::post;
using test::RawClient;
using test::RawResponse;
using test::smuggled;

const std::string host = "Host: example.org\r\n";

TEST_CASE("a smuggled request is never answered, whatever the method, path and framing") {
  const std::string body = smuggled(16 << 10);  // more than cpp-httplib reads ahead
  const std::string length = fmt::format("Content-Length: {}\r\n", body.size());
  const std::string chunks = chunks_of(body, body.size());
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  struct Framing {
    std::string_view what;
    std::string headers;
    std::string body;
  };
  const Framing framings[] = {
      {"a length", length, body},
      {"a length, and Expect", length + "Expect: 100-continue\r\n", body},
      {"a length, and a type", length + std::string{test::json_type}, body},
      {"a length, and a form", length + "Content-Type: multipart/form-data; boundary=b\r\n", body},
      {"a length, and a coding", length + "Content-Encoding: gzip\r\n", body},
      {"a length, and an unknown coding", length + "Content-Encoding: none\r\n", body},
      {"a length, and a range", length + "Range: bytes=0-1\r\n", body},
      {"a length, and a malformed range", length + "Range: bytes=x\r\n", body},
      {"a length, and a header that is too long", length + "A: " + std::string(9'000, 'a') + "\r\n",
       body},
      {"a length, and no version of HTTP", length, body},
      {"chunks", chunked, chunks},
      {"chunks, and Expect", chunked + "Expect: 100-continue\r\n", chunks},
      {"chunks, and a trailer", chunked + "Trailer: A\r\n",
       chunks.substr(0, chunks.size() - 2) + "A: b\r\n\r\n" + body},
      {"chunks, the last of them malformed", chunked, "x\r\n" + body},
  };
  const std::string long_path = "/" + std::string(9'000, 'a');
  App app({}, std::chrono::milliseconds{100});
  for (const std::string_view method : {"GET", "HEAD", "OPTIONS", "TRACE", "CONNECT", "POST", "PUT",
                                        "PATCH", "DELETE", "PRI", "PROPFIND", "get"}) {
    for (const std::string_view path :
         std::initializer_list<std::string_view>{"/events", "/nowhere", "/page", "/sized",
                                                 "/stream", "/upload", "/reader", "*", long_path}) {
      for (const Framing& framing : framings) {
        CAPTURE(method);
        CAPTURE(path.substr(0, 20));
        CAPTURE(framing.what);
        const std::string_view version =
            framing.what.ends_with("no version of HTTP") ? "HTTP/3.1" : "HTTP/1.1";
        RawClient client{app.port()};
        client.send(
            fmt::format("{} {} {}\r\n{}{}\r\n", method, path, version, host, framing.headers));
        client.send(framing.body);
        RawResponse answer;  // none where the server closes before it has read everything
        do {
          answer = client.receive(method == "HEAD");
        } while (answer.status == 100);
        CHECK(count(answer.head, "Connection: ") <= 1);
        client.end_sending();
        CHECK(client.is_closed());
        CHECK(app.secrets() == 0);
      }
    }
  }
  CHECK(app.lines().empty());
}

TEST_CASE("the content of an answer after which the connection closes is whole") {
  struct Case {
    std::string_view path;
    std::string_view content;
  };
  const Case cases[] = {{"/page", "page"},
                        {"/sized", test::sized},
                        {"/stream", "6\r\nstream\r\n0\r\n\r\n"},
                        {"/nowhere", "the host's own 404"}};
  App app;
  for (const Case& c : cases) {
    for (const std::string_view range : {"", "Range: bytes=1-2\r\n"}) {
      CAPTURE(c.path);
      CAPTURE(range);
      RawClient client{app.port()};
      client.send(fmt::format("GET {} HTTP/1.1\r\n{}{}Transfer-Encoding: chunked\r\n\r\n{}", c.path,
                              host, range, chunks_of("a", 1)));
      const std::string answer = client.receive_all();
      CHECK(count(answer, "Connection: close\r\n") == 1);
      CHECK(count(answer, "Keep-Alive: ") == 0);
      CHECK(answer.ends_with(fmt::format("\r\n\r\n{}", c.content)));
    }
  }
  RawClient client{app.port()};
  client.send(fmt::format("HEAD /page HTTP/1.1\r\n{}Transfer-Encoding: chunked\r\n\r\n{}", host,
                          chunks_of("a", 1)));
  const std::string answer = client.receive_all();
  CHECK(count(answer, "Content-Length: 4\r\n") == 1);
  CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("a connection goes on where the whole request has been read, whoever answers") {
  App app;
  RawClient client{app.port()};
  for (const std::string& request :
       {fmt::format("GET /page HTTP/1.1\r\n{}\r\n", host),
        fmt::format("GET /sized HTTP/1.1\r\n{}Range: bytes=0-1\r\n\r\n", host),
        fmt::format("HEAD /page HTTP/1.1\r\n{}\r\n", host),
        fmt::format("POST /upload HTTP/1.1\r\n{}Content-Length: 3\r\n\r\nabc", host),
        fmt::format("POST /upload HTTP/1.1\r\n{}\r\n", host), post(one_event)}) {
    CAPTURE(request);
    REQUIRE(client.send(request));
    const RawResponse response = client.receive(request.starts_with("HEAD"));
    CHECK(response.status >= 200);
    CHECK(response.status < 300);
    CHECK(response.header("Connection").empty());
  }
  client.end_sending();
  CHECK(client.is_closed());
}

TEST_CASE("an answer has one Connection, also where the client asks to close") {
  App app;
  for (const std::string& request :
       {post(one_event, "Connection: close\r\nContent-Type: application/json\r\n"),
        post("7", "Connection: close\r\nContent-Type: text/html\r\n"),
        fmt::format("GET /page HTTP/1.1\r\n{}Connection: close\r\n\r\n", host)}) {
    RawClient client{app.port()};
    client.send(request);
    CHECK(count(client.receive_all(), "\r\nConnection: ") == 1);
  }
}

TEST_CASE("a part of a content is the part that was asked for, also where the connection closes") {
  App app;
  RawClient client{app.port()};
  client.send(
      fmt::format("GET /sized HTTP/1.1\r\n{}Range: bytes=-2\r\nConnection: close\r\n\r\n", host));
  const std::string_view content = test::sized;
  CHECK(client.receive_all().ends_with(
      fmt::format("\r\n\r\n{}", content.substr(content.size() - 2))));
}

// A server whose handlers the test sets.
class Host {
 public:
  void listen() {
    port_ = static_cast<std::uint16_t>(server.bind_to_any_port("127.0.0.1"));
    thread_ = std::thread{[this] { server.listen_after_bind(); }};
    test::wait_until([&] { return server.is_running(); });
  }
  ~Host() {
    if (!thread_.joinable()) return;
    if (!is_stopped_) server.stop();
    thread_.join();
  }

  // Connections that have a request go on until it is answered.
  void stop() {
    is_stopped_ = true;
    server.stop();
  }

  std::uint16_t port() const { return port_; }

  RawResponse answer(std::string_view request) const {
    RawClient client{port_};
    client.send(request);
    return client.receive();
  }

  Collector collector{std::make_shared<MemorySink>()};
  Endpoint endpoint{collector};
  httplib::Server server;

 private:
  std::uint16_t port_ = 0;
  bool is_stopped_ = false;
  std::thread thread_;
};

TEST_CASE("the handlers that the host has set are called, too") {
  Host app;
  app.server.set_pre_routing_handler([](const auto& request, auto& response) {
    if (request.path != "/private") return httplib::Server::HandlerResponse::Unhandled;
    response.status = 403;
    return httplib::Server::HandlerResponse::Handled;
  });
  app.server.set_post_routing_handler(
      [](const auto&, auto& response) { response.set_header("X-Host", "seen"); });
  mount(app.server, app.endpoint);
  mount(app.server, Endpoint{app.collector, {.path = "/more"}});
  app.listen();
  CHECK(app.answer(fmt::format("GET /private HTTP/1.1\r\n{}\r\n", host)).status == 403);
  const RawResponse response = app.answer(post(one_event));
  CHECK(response.status == 202);
  CHECK(count(response.head, "X-Host: seen") == 1);
  CHECK(app.answer(test::with_length("POST /more", test::json_type, one_event)).status == 202);
}

TEST_CASE("the endpoint says so where a later handler has replaced one of ours") {
  Host app;
  mount(app.server, app.endpoint);
  SUBCASE("before routing") {
    app.server.set_pre_routing_handler(
        [](const auto&, auto&) { return httplib::Server::HandlerResponse::Unhandled; });
  }
  SUBCASE("after routing") {
    app.server.set_post_routing_handler([](const auto&, auto&) {});
  }
  app.listen();
  for (const std::string_view method : {"POST", "GET"}) {
    const RawResponse response =
        app.answer(fmt::format("{} /events HTTP/1.1\r\n{}Content-Length: 0\r\n\r\n", method, host));
    CHECK(response.status == 500);
    CHECK(response.body.find("call it before mount()") != std::string::npos);
  }
}

TEST_CASE("no path of the host serves a request after a body that a later handler leaves unread") {
  Host app;
  app.server.set_keep_alive_max_count(1000);
  std::atomic<int> secrets = 0;
  app.server.Get("/secret", [&](const auto&, auto&) { ++secrets; });
  app.server.Get("/page",
                 [](const auto&, auto& response) { response.set_content("page", "text/plain"); });
  mount(app.server, app.endpoint);
  SUBCASE("set before routing") {
    app.server.set_pre_routing_handler(
        [](const auto&, auto&) { return httplib::Server::HandlerResponse::Unhandled; });
  }
  SUBCASE("set after routing") {
    app.server.set_post_routing_handler([](const auto&, auto&) {});
  }
  SUBCASE("set after routing, and errors get a page of the host's") {
    app.server.set_post_routing_handler([](const auto&, auto&) {});
    app.server.set_error_handler(
        [](const auto&, auto& response) { response.set_content("error", "text/plain"); });
  }
  app.listen();
  // Long enough for cpp-httplib, which loses what it has read ahead, to begin at a request.
  const std::string body = smuggled(256 << 10);
  for (const std::string_view path : {"/page", "/nowhere", "/events"}) {
    for (const std::string_view range : {"", "Range: bytes=x\r\n"}) {
      RawClient client{app.port()};
      client.send(fmt::format("GET {} HTTP/1.1\r\n{}{}Content-Length: {}\r\n\r\n{}", path, host,
                              range, body.size(), body));
      client.end_sending();
      client.receive_all();
      CHECK(secrets == 0);
    }
  }
}

TEST_CASE("an answer is whole that is made while the server stops and closes its connection") {
  Host app;
  std::counting_semaphore<> has_begun{0};
  std::counting_semaphore<> may_end{0};
  app.server.Get("/wait", [&](const auto&, auto& response) {
    has_begun.release();
    test::wait_until([&] { return may_end.try_acquire(); });
    response.set_content("waited", "text/plain");
  });
  mount(app.server, app.endpoint);
  app.listen();
  RawClient client{app.port()};
  client.send(fmt::format("GET /wait HTTP/1.1\r\n{}Transfer-Encoding: chunked\r\n\r\n{}", host,
                          chunks_of("a", 1)));
  test::wait_until([&] { return has_begun.try_acquire(); });
  app.stop();
  may_end.release();
  const std::string answer = client.receive_all();
  CHECK(count(answer, "Connection: close\r\n") == 1);
  CHECK(answer.ends_with("\r\n\r\nwaited"));
}

TEST_CASE("mount() rejects a server that is running") {
  Host app;
  app.listen();
  CHECK_THROWS_WITH_AS(mount(app.server, app.endpoint),
                       "mount() was called after listen(): call it before", ConfigError);
}

}  // namespace
}  // namespace eventcollect
