#include "http/front.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <semaphore>
#include <thread>

#include "server/site.hpp"
#include "support/events.hpp"
#include "support/gate_sink.hpp"
#include "support/raw_http.hpp"
#include "support/wait.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;

std::string get_of(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

const std::string get = get_of("/");

Response page(std::string body) { return {200, {{"Content-Type", "text/plain"}}, std::move(body)}; }

// A page that holds up its loop, so that others have sent all that they want when it goes on.
class WaitingPage {
 public:
  Response serve() {
    has_begun_.release();
    may_end_.acquire();
    return page("page");
  }

  void wait_for_begin() {
    wait_until([this] { return has_begun_.try_acquire(); });
  }
  void let_end() { may_end_.release(); }

  // A test that fails half-way does not wait for its loops, which would hide what failed.
  void let_all_end() { may_end_.release(1'000); }

 private:
  std::counting_semaphore<> has_begun_{0};
  std::counting_semaphore<> may_end_{0};
};

// A served site: a page at /, events at /events that go into the test's hand.
struct Setup {
  explicit Setup(http::Limits limits = {}, bool is_open = true, std::size_t threads = 2)
      : collector{gate},
        endpoint{collector, {.max_body_bytes = 10'000}},
        site{routes()},
        front{site, threads, limits} {
    if (is_open) gate->let_all();
    port = front.start({"127.0.0.1", 0}).port;
  }
  ~Setup() {
    gate->let_all();
    wait.let_all_end();
    wait_too.let_all_end();
  }

  std::vector<server::Route> routes() {
    return {
        server::events_route("/events", endpoint),
        server::page_route("/",
                           [this] {
                             ++pages;
                             return page("page");
                           }),
        server::page_route("/count", [this] { return page(std::to_string(pages)); }),
        server::page_route("/large", [] { return page(std::string(4 << 20, 'x')); }),
        server::page_route("/medium", [] { return page(std::string(16 << 10, 'x')); }),
        server::page_route("/shared",
                           [this] {
                             return http::Answer{page({}), shared};
                           }),
        server::page_route("/broken", []() -> Response { throw std::runtime_error{"broken"}; }),
        server::page_route("/wait", [this] { return wait.serve(); }),
        server::page_route("/wait-too", [this] { return wait_too.serve(); }),
    };
  }

  // Waits until this much has come of requests that are not complete.
  void wait_for_bytes(std::uint64_t bytes) const {
    wait_until([&] { return front.statistics().buffered_bytes == bytes; });
  }

  const http::SharedBody shared = std::make_shared<const std::string>(8 << 20, 'x');
  std::atomic<int> pages{0};  // that were asked for
  WaitingPage wait;           // at /wait
  WaitingPage wait_too;       // at /wait-too
  std::shared_ptr<GateSink> gate = std::make_shared<GateSink>();
  Collector collector;
  Endpoint endpoint;
  server::Site site;
  http::Front front;
  std::uint16_t port = 0;
};

// A setup whose connections are all on one loop.
struct OneLoop : Setup {
  explicit OneLoop(http::Limits limits = {}, bool is_open = true) : Setup{limits, is_open, 1} {}
};

// A connection that has had an answer.
std::unique_ptr<RawClient> used_connection(const Setup& setup) {
  auto client = std::make_unique<RawClient>(setup.port);
  client->send(get);
  CHECK(client->receive().body == "page");
  return client;
}

// Two loops with an idle connection each, and one that holds the first loop up: whoever connects
// meanwhile comes to the second.
struct TwoLoops : Setup {
  explicit TwoLoops(http::Limits limits = {}) : Setup{limits} {
    first->send(get_of("/wait"));
    wait.wait_for_begin();
    second = std::make_unique<RawClient>(port);
    second->send(get_of("/wait-too"));
    wait_too.wait_for_begin();
    release(wait, *first);
    holding = used_connection(*this);
    release(wait_too, *second);
  }

  void hold_first_loop() {
    holding->send(get_of("/wait"));
    wait.wait_for_begin();
  }
  void release_first_loop() { release(wait, *holding); }

  std::unique_ptr<RawClient> first = std::make_unique<RawClient>(port);
  std::unique_ptr<RawClient> second;
  std::unique_ptr<RawClient> holding;

 private:
  static void release(WaitingPage& page, RawClient& client) {
    page.let_end();
    CHECK(client.receive().body == "page");
  }
};

std::string post(const std::string& body, const std::string& more_fields = "") {
  return "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
         more_fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string chunked(const std::string& chunks) {
  return "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Transfer-Encoding: chunked\r\n\r\n" +
         chunks;
}

std::string error_of(http::Front& front, const http::HostPort& at) {
  try {
    front.start(at);
  } catch (const std::runtime_error& failure) {
    return failure.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a port belongs to one front, and the second is told so") {
  Setup first;
  Setup second;
  CHECK(first.port != second.port);
  server::Site site{{}};
  http::Front third{site, 1};
  const std::string error = error_of(third, {"127.0.0.1", first.port});
  CHECK(error.find("Address already in use") != std::string::npos);
  CHECK(error.find(std::to_string(first.port)) != std::string::npos);
  CHECK(RawClient{first.port}.send(get));
}

TEST_CASE("an address that this machine does not have is named") {
  server::Site site{{}};
  http::Front front{site, 1};
  const std::string error = error_of(front, {"192.0.2.1", 0});
  CHECK(error.find("192.0.2.1") != std::string::npos);
  CHECK(error.find("Cannot assign requested address") != std::string::npos);
}

TEST_CASE("a front can be stopped at once, twice, and without a start") {
  for (int i = 0; i < 50; ++i) {
    Setup setup;
    CHECK(setup.front.stop(10s));
    CHECK(setup.front.stop(10s));
  }
  server::Site site{{}};
  CHECK(http::Front{site, 1}.stop(10s));
}

TEST_CASE("requests on one connection are answered in order, however they are cut into pieces") {
  const std::string requests =
      post(event_named("a")) + get + post("{") +
      chunked("5;x=y\r\n{\"eve\r\n8\r\nnt\":\"b\"}\r\n0\r\nTrailer: 1\r\n\r\n") +
      "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n" + post(event_named("c"));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, requests.size()}) {
    CAPTURE(piece);
    Setup setup;
    RawClient client{setup.port};
    for (std::size_t at = 0; at < requests.size(); at += piece) {
      REQUIRE(client.send(requests.substr(at, piece)));
    }
    CHECK(client.receive().status == 202);
    CHECK(client.receive().body == "page");
    CHECK(client.receive().status == 400);
    CHECK(client.receive().status == 202);
    const RawResponse head = client.receive(true);
    CHECK(head.status == 200);
    CHECK(head.header("Content-Length") == "4");
    CHECK(client.receive().status == 202);
    CHECK(setup.gate->names() == std::vector<std::string>{"a", "b", "c"});
  }
}

TEST_CASE("an event is answered when it is durable, and others are served meanwhile") {
  Setup setup{{}, false};
  RawClient waiting{setup.port};
  waiting.send(post(event_named("a")));
  setup.gate->wait_for_writes(1);
  RawClient other{setup.port};
  other.send(get);
  CHECK(other.receive().body == "page");
  CHECK(setup.gate->names().empty());
  setup.gate->let_all();
  CHECK(waiting.receive().status == 202);
  CHECK(setup.gate->names() == std::vector<std::string>{"a"});
}

TEST_CASE("where a request ends must not be in doubt") {
  const std::string heads[] = {
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\n Content-Length: 5\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\nX: y\r\n folded: 5\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 5\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
      "Transfer-Encoding: chunked\r\n\r\n",
      "POST /events HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST /events HTTP/1.1\r\n\r\n",
      "POST /events HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "POST /events HTTP/2.0\r\nHost: a\r\n\r\n",
      "POST http://a@b/events HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\x16\x03\x01\x02\r\n\r\n",
      "\x16\x03\x01\x02",
      "POST /events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , chunked\r\n\r\n",
  };
  for (const std::string& head : heads) {
    CAPTURE(head);
    Setup setup;
    RawClient client{setup.port};
    client.send(head + get);
    CHECK(client.receive().status == 400);
    CHECK(client.receive().status == 0);
  }
  Setup setup;
  RawClient client{setup.port};
  client.send("POST /events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n" + get);
  CHECK(client.receive().status == 501);
  CHECK(client.receive().status == 0);
}

TEST_CASE("broken chunks end the connection") {
  const std::string broken[] = {"x\r\n",
                                "5\r\nhelloX",
                                "5\nhello",
                                "\r\n",
                                "-1\r\n",
                                "FFFFFFFFFFFFFFFFF\r\n",
                                std::string(2000, '0')};
  for (const std::string& chunks : broken) {
    CAPTURE(chunks);
    Setup setup;
    RawClient client{setup.port};
    client.send(chunked(chunks));
    CHECK(client.receive().status == 400);
    CHECK(client.receive().status == 0);
  }
}

TEST_CASE("an unread body is never taken for a request") {
  const std::string smuggled = get + get + get;
  const std::string fields = "Content-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n";
  const std::string requests[] = {
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: text/html\r\n" + fields,
      "PUT /events HTTP/1.1\r\nHost: a\r\n" + fields,
      "GET / HTTP/1.1\r\nHost: a\r\n" + fields,
      "POST / HTTP/1.1\r\nHost: a\r\n" + fields,
      "POST /nowhere HTTP/1.1\r\nHost: a\r\n" + fields,
      "OPTIONS /events HTTP/1.1\r\nHost: a\r\n" + fields,
  };
  for (const std::string& request : requests) {
    CAPTURE(request);
    Setup setup;
    RawClient client{setup.port};
    client.send(request + smuggled);
    const RawResponse response = client.receive();
    CHECK(response.status >= 200);
    CHECK(response.header("Connection") == "close");
    CHECK(client.receive().status == 0);
  }
}

TEST_CASE("a body over the limit is rejected, and its sender can read the answer") {
  Setup setup;
  const std::string large(3 << 20, ' ');
  const std::string in_chunks = "300000\r\n" + large + "\r\n0\r\n\r\n";
  for (const std::string& request : {post(large), chunked(in_chunks)}) {
    RawClient client{setup.port};
    client.send(request);
    CHECK(client.receive().status == 413);
    CHECK(client.receive().status == 0);
  }
}

TEST_CASE("a client that goes away while it is being rejected harms nobody") {
  Setup setup;
  for (int i = 0; i < 200; ++i) {
    RawClient client{setup.port};
    client.send(i % 2 == 0 ? chunked("300000\r\n" + std::string(20'000, ' '))
                           : post(std::string(9'999, ' ')).substr(0, 5'000));
    client.reset();
  }
  RawClient client{setup.port};
  client.send(get);
  CHECK(client.receive().body == "page");
}

TEST_CASE("a page that fails is answered all the same") {
  Setup setup;
  RawClient client{setup.port};
  client.send(get_of("/broken") + get);
  CHECK(client.receive().status == 503);
  CHECK(client.receive().body == "page");
}

TEST_CASE("a page is sent once, whatever ranges are asked for") {
  Setup setup;
  RawClient client{setup.port};
  std::string ranges = "bytes=0-";
  for (int i = 0; i < 500; ++i) ranges += ",0-";
  client.send("GET / HTTP/1.1\r\nHost: a\r\nRange: " + ranges + "\r\n\r\n");
  const RawResponse response = client.receive();
  CHECK(response.status == 200);
  CHECK(response.body == "page");
}

TEST_CASE("a client that sends many requests at once lets others have their turn") {
  OneLoop setup;
  const auto patient = used_connection(setup);
  setup.pages = 0;
  RawClient greedy{setup.port};
  greedy.send(get_of("/wait"));
  setup.wait.wait_for_begin();
  constexpr int count = 2'000;
  std::string requests;
  for (int i = 0; i < count; ++i) requests += get;
  greedy.send(requests);
  patient->send(get_of("/count"));
  setup.wait.let_end();
  int answered = 0;
  std::thread reading{[&] {
    while (answered <= count && greedy.receive().body == "page") ++answered;
  }};
  const int before = std::stoi(patient->receive().body);
  reading.join();
  CHECK(answered == count + 1);
  CHECK(before < count / 4);
}

TEST_CASE("large requests are fewer in a turn than small ones, and so are large answers") {
  const std::string large =
      "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(15'000, 'x') + "\r\n\r\n";
  for (const std::string& request : {large, get + get_of("/medium")}) {
    OneLoop setup;
    const auto patient = used_connection(setup);
    setup.pages = 0;
    constexpr int count = 40;
    std::string requests;
    for (int i = 0; i < count; ++i) requests += request;
    RawClient greedy{setup.port};
    greedy.send(get_of("/wait"));
    setup.wait.wait_for_begin();
    greedy.send(requests);
    patient->send(get_of("/count"));
    setup.wait.let_end();
    CHECK(std::stoi(patient->receive().body) <= 12);
    while (setup.pages < count) CHECK(greedy.receive().status == 200);
  }
}

TEST_CASE("a crowd of such clients does not hold up one that asks for little") {
  OneLoop setup;
  const auto patient = used_connection(setup);
  constexpr int crowd = 200;
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += get;
  std::vector<std::unique_ptr<RawClient>> greedy;
  for (int i = 0; i < crowd; ++i) greedy.push_back(used_connection(setup));
  // All have sent before any but the first has a turn; that holds up the loop again in its third.
  greedy.front()->send(get_of("/wait") + requests.substr(0, 70 * get.size()) + get_of("/wait"));
  setup.wait.wait_for_begin();
  for (const auto& client : greedy) client->send(requests);
  setup.wait.let_end();
  setup.wait.wait_for_begin();
  const int served = setup.pages;
  patient->send(get_of("/count"));
  setup.wait.let_end();
  const int before = std::stoi(patient->receive().body) - served;
  CHECK(served > 20 * crowd);  // each has had its first turn
  CHECK(before < 10 * crowd);
}

TEST_CASE("a head over the limit is rejected") {
  Setup setup{{.max_head_bytes = 1000}};
  RawClient client{setup.port};
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'x'));
  CHECK(client.receive().status == 431);
  CHECK(client.receive().status == 0);
}

TEST_CASE("bodies in progress are bounded in memory") {
  Setup setup{{.max_buffered_bytes = 5'000}};
  RawClient client{setup.port};
  client.send(
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Content-Length: 9000\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.receive(true).status == 100);
  client.send(std::string(8000, ' '));
  const RawResponse response = client.receive();
  CHECK(response.status == 503);
  CHECK(response.header("Retry-After") == "1");
  RawClient other{setup.port};
  other.send(post(event_named("a")));
  CHECK(other.receive().status == 202);
}

TEST_CASE("beyond the bound of bytes the request that has been unfinished longest goes") {
  OneLoop setup{{.max_buffered_bytes = 5'000}};
  const std::string large = post("12345", "X: " + std::string(1'900, 'x') + "\r\n");
  const std::size_t almost = large.size() - 5;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    clients.push_back(std::make_unique<RawClient>(setup.port));
    clients.back()->send(large.substr(0, almost));
    setup.wait_for_bytes(almost * std::min<std::uint64_t>(i, 2));
  }
  for (const std::size_t longest : {0U, 1U}) {
    CHECK(clients[longest]->receive().status == 408);
    CHECK(clients[longest]->receive().status == 0);
  }
  CHECK(setup.front.statistics().connections_evicted == 2);
  CHECK(setup.front.statistics().requests_timed_out == 0);
  for (const std::size_t kept : {2U, 3U}) {
    clients[kept]->send("12345");
    CHECK(clients[kept]->receive().status == 400);
  }
}

TEST_CASE("of the requests of all loops the one that has been unfinished longest goes") {
  TwoLoops setup{{.max_buffered_bytes = 5'000}};
  const std::string large = post("12345", "X: " + std::string(1'900, 'x') + "\r\n");
  const std::string begun = large.substr(0, large.size() - 5);
  setup.first->send(begun);
  setup.wait_for_bytes(begun.size());
  setup.hold_first_loop();
  // A loop looks at its clock once a round: this makes the second loop begin one after that.
  const auto in_next_round = used_connection(setup);
  setup.second->send(begun);
  setup.wait_for_bytes(2 * begun.size());
  RawClient third{setup.port};
  third.send(begun);
  setup.wait_for_bytes(3 * begun.size());  // for a moment
  setup.release_first_loop();
  CHECK(setup.first->receive().status == 408);
  CHECK(setup.front.statistics().connections_evicted == 1);
  for (RawClient* kept : {setup.second.get(), &third}) {
    kept->send("12345");
    CHECK(kept->receive().status == 400);
  }
}

TEST_CASE("a head counts as long as its body is awaited") {
  OneLoop setup{{.max_buffered_bytes = 5'000}};
  const std::string large = post("12345", "X: " + std::string(3'000, 'x') + "\r\n");
  const std::string all_but_one = large.substr(0, large.size() - 1);
  RawClient first{setup.port};
  first.send(all_but_one);
  setup.wait_for_bytes(all_but_one.size());
  RawClient second{setup.port};
  second.send(large.substr(0, large.size() - 5));
  CHECK(first.receive().status == 408);
  second.send("12345");
  CHECK(second.receive().status == 400);
  CHECK(setup.front.statistics().buffered_bytes == 0);
}

TEST_CASE("a request that does not come in time is told so, an idle connection just closed") {
  Setup setup{{.idle_timeout = 50ms, .request_timeout = 50ms}};
  RawClient idle{setup.port};
  RawClient in_head{setup.port};
  in_head.send("GET / HT");
  RawClient in_body{setup.port};
  in_body.send(
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Content-Length: 10\r\n\r\n12345");
  CHECK(in_head.receive().status == 408);
  CHECK(in_body.receive().status == 408);
  CHECK(idle.receive().status == 0);
  CHECK(setup.front.statistics().requests_timed_out == 2);
}

TEST_CASE("a client that drips bytes is cut off all the same") {
  Setup setup{{.max_head_bytes = 1 << 20, .idle_timeout = 1h, .request_timeout = 50ms}};
  RawClient client{setup.port};
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  client.send(head);
  const auto is_cut_off = [&] { return setup.front.statistics().requests_timed_out == 1; };
  for (std::size_t sent = head.size(); !is_cut_off() && sent < 1 << 20; ++sent) {
    wait_until([&] { return setup.front.statistics().buffered_bytes == sent || is_cut_off(); });
    client.send("x");
  }
  CHECK(client.receive().status == 408);
}

TEST_CASE("a request has its full time from its first byte, however long the connection was idle") {
  OneLoop setup{{.idle_timeout = 1h, .request_timeout = 1s, .drain_timeout = 0ms}};
  const auto used = used_connection(setup);
  RawClient fresh{setup.port};
  RawClient late{setup.port};
  late.send("GET / HT");
  CHECK(late.receive().status == 408);  // so long the others have been idle

  used->send("GET / HT");
  fresh.send("GET / HT");
  setup.wait_for_bytes(16);
  RawClient rejected{setup.port};
  rejected.send("no HTTP\r\n\r\n");
  CHECK(rejected.receive().status == 400);
  // It is closed when the front looks for whose time is over.
  wait_until([&] { return setup.front.statistics().connections_open <= 2; });
  fresh.send("TP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(fresh.receive().body == "page");
  CHECK(used->receive().status == 408);
  CHECK(used->receive().status == 0);
}

TEST_CASE("a request that has begun is not cut off as idle") {
  OneLoop setup{{.idle_timeout = 300ms, .request_timeout = 1h}};
  RawClient client{setup.port};
  client.send("GET / HT");
  setup.wait_for_bytes(8);
  RawClient idle{setup.port};
  CHECK(idle.receive().status == 0);
  client.send("TP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.receive().body == "page");
}

TEST_CASE("idle and dripping connections keep nobody waiting") {
  Setup setup;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(std::make_unique<RawClient>(setup.port));
    if (i % 3 == 0) clients.back()->send("POST /events HTTP/1.1\r\nHost");
  }
  RawClient client{setup.port};
  client.send(get);
  CHECK(client.receive().body == "page");
  wait_until([&] { return setup.front.statistics().connections_open == 301; });
}

TEST_CASE("beyond the bound of connections the one that has waited longest is closed") {
  Setup setup{{.max_connections = 3}};
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<RawClient>(setup.port));
    clients.back()->send(get);
    CHECK(clients.back()->receive().body == "page");
  }
  wait_until([&] { return setup.front.statistics().connections_open <= 3; });
  CHECK(setup.front.statistics().connections_evicted == 2);
  clients.back()->send(get);
  CHECK(clients.back()->receive().body == "page");
}

TEST_CASE("the time of an idle client begins with its last answer, and that of a request anew") {
  OneLoop setup{{.max_connections = 4}};
  const auto again = used_connection(setup);
  const auto busy = used_connection(setup);
  const auto longest = used_connection(setup);
  RawClient fresh{setup.port};
  wait_until([&] { return setup.front.statistics().connections_open == 4; });
  busy->send("GET / HT");
  setup.wait_for_bytes(8);
  again->send(get);
  CHECK(again->receive().body == "page");

  const auto fifth = used_connection(setup);
  CHECK(longest->receive().status == 0);
  CHECK(setup.front.statistics().connections_evicted == 1);
  const auto sixth = used_connection(setup);
  CHECK(fresh.receive().status == 0);
  const auto seventh = used_connection(setup);
  CHECK(busy->receive().status == 0);
  CHECK(setup.front.statistics().connections_evicted == 3);
  CHECK(setup.front.statistics().connections_open == 4);
  for (RawClient* kept : {again.get(), fifth.get(), sixth.get(), seventh.get()}) {
    kept->send(get);
    CHECK(kept->receive().body == "page");
  }
}

TEST_CASE("a client that waits for our answer is not idle") {
  Setup setup{{.max_connections = 2}, false, 1};
  RawClient waiting{setup.port};
  waiting.send(post(event_named("a")));
  setup.gate->wait_for_writes(1);
  const auto idle = used_connection(setup);
  const auto newest = used_connection(setup);
  CHECK(idle->receive().status == 0);
  setup.gate->let_all();
  CHECK(waiting.receive().status == 202);
}

TEST_CASE("of the connections of all loops the one that has waited longest is closed") {
  TwoLoops setup{{.max_connections = 3}};
  setup.second->send("GET / HT");
  setup.wait_for_bytes(8);
  setup.hold_first_loop();
  RawClient newest{setup.port};
  newest.send("GET / HT");
  setup.wait_for_bytes(16);  // four connections for a moment
  setup.release_first_loop();
  CHECK(setup.first->receive().status == 0);
  CHECK(setup.front.statistics().connections_evicted == 1);
  for (RawClient* begun : {setup.second.get(), &newest}) {
    begun->send("TP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(begun->receive().body == "page");
  }
}

TEST_CASE("requests that never end do not keep new clients out") {
  OneLoop setup{{.max_connections = 4}};
  std::vector<std::unique_ptr<RawClient>> begun;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    begun.push_back(std::make_unique<RawClient>(setup.port));
    begun.back()->send("G");
    wait_until([&] { return setup.front.statistics().connections_accepted == i; });
    setup.wait_for_bytes(std::min<std::uint64_t>(i, 4));
  }
  const auto newest = used_connection(setup);
  CHECK(begun[16]->is_closed());
  CHECK(setup.front.statistics().connections_evicted == 17);
  for (std::size_t kept = 17; kept < 20; ++kept) {
    begun[kept]->send("ET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(begun[kept]->receive().body == "page");
  }
}

TEST_CASE("where all connections wait for our answers the new ones are closed") {
  OneLoop setup{{.max_connections = 4}, false};
  std::vector<std::unique_ptr<RawClient>> waiting;
  for (std::uint64_t i = 1; i <= 6; ++i) {  // half as many again are let in for a moment
    waiting.push_back(std::make_unique<RawClient>(setup.port));
    waiting.back()->send(post(event_named("a")));
    wait_until([&] { return setup.collector.statistics().sink.queued_events == i; });
  }
  for (int i = 0; i < 3; ++i) CHECK(RawClient{setup.port}.is_closed());
  CHECK(setup.front.statistics().connections_evicted == 3);
  setup.gate->let_all();
  for (const auto& client : waiting) CHECK(client->receive().status == 202);
}

TEST_CASE("a single answer over the bound of memory reaches its client") {
  OneLoop setup{{.max_unsent_bytes = 1 << 20}};
  RawClient client{setup.port};
  client.send(get_of("/large") + get_of("/large") + get_of("/large"));
  wait_until([&] { return setup.front.statistics().unsent_bytes > 1 << 20; });
  for (int i = 0; i < 3; ++i) CHECK(client.receive().body.size() == 4 << 20);
  CHECK(setup.front.statistics().connections_evicted == 0);
}

TEST_CASE("a page that clients do not take is in memory once") {
  Setup setup;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 1; i <= 20; ++i) {
    clients.push_back(std::make_unique<RawClient>(setup.port));
    clients.back()->send(get_of("/shared"));
    wait_until([&] { return setup.shared.use_count() == 1 + i; });
  }
  CHECK(setup.front.statistics().unsent_bytes < 20 << 10);
  for (const auto& client : clients) CHECK(client->receive().body == *setup.shared);
  wait_until([&] { return setup.shared.use_count() == 1; });
  CHECK(setup.front.statistics().connections_evicted == 0);
}

TEST_CASE("answers that clients do not take are bounded in memory") {
  Setup setup{{.max_unsent_bytes = 10 << 20, .idle_timeout = 1h, .write_timeout = 1h}};
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    clients.push_back(std::make_unique<RawClient>(setup.port));
    // More than the system keeps of them.
    clients.back()->send(get_of("/large") + get_of("/large") + get_of("/large"));
    const std::uint64_t kept = std::min<std::uint64_t>(i, 2);
    wait_until([&] { return setup.front.statistics().connections_evicted == i - kept; });
    wait_until([&] {
      const std::uint64_t unsent = setup.front.statistics().unsent_bytes;
      return unsent >= kept * (4 << 20) && unsent <= 10 << 20;
    });
  }
  for (int i = 0; i < 3; ++i) CHECK(clients.back()->receive().body.size() == 4 << 20);
  clients.clear();
  wait_until([&] { return setup.front.statistics().connections_open == 0; });
  CHECK(setup.front.statistics().unsent_bytes == 0);
}

TEST_CASE("a client that asks before it sends its body is told to go on, or why not") {
  Setup setup;
  RawClient client{setup.port};
  client.send(
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Content-Length: 13\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.receive(true).status == 100);
  client.send(R"({"event":"a"})");
  CHECK(client.receive().status == 202);
  client.send(
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: text/html\r\n"
      "Content-Length: 13\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.receive().status == 415);
}

TEST_CASE("a client that has sent everything and says so still gets the answer") {
  Setup setup{{}, false};
  RawClient client{setup.port};
  client.send(post(event_named("a")));
  client.end_sending();
  setup.gate->wait_for_writes(1);
  setup.gate->let_all();
  CHECK(client.receive().status == 202);
  CHECK(client.receive().status == 0);
}

TEST_CASE("an answer to a client that has gone is dropped") {
  Setup setup{{}, false};
  {
    RawClient client{setup.port};
    client.send(post(event_named("a")));
    setup.gate->wait_for_writes(1);
  }
  setup.gate->let_all();
  RawClient other{setup.port};
  other.send(post(event_named("b")));
  CHECK(other.receive().status == 202);
}

TEST_CASE("a large answer reaches a client that reads it late") {
  Setup setup;
  RawClient client{setup.port};
  client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n" + get);
  CHECK(client.receive().body.size() == 4 << 20);
  CHECK(client.receive().body == "page");
}

TEST_CASE("a client that does not take its answer is cut off") {
  Setup setup{{.idle_timeout = 1h, .write_timeout = 50ms}};
  const auto client = used_connection(setup);
  for (int i = 0; i < 4; ++i) client->send(get_of("/large"));  // more than the system keeps
  wait_until([&] { return setup.front.statistics().connections_open == 0; });
  CHECK(client->receive_all().size() < 16 << 20);
}

TEST_CASE("old clients keep their connection only if they ask for it") {
  Setup setup;
  RawClient old{setup.port};
  old.send("GET / HTTP/1.0\r\n\r\n");
  CHECK(old.receive().body == "page");
  CHECK(old.receive().status == 0);
  RawClient asking{setup.port};
  asking.send(
      "POST /events HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Connection: Keep-Alive\r\nContent-Length: 13\r\n\r\n{\"event\":\"a\"}");
  const RawResponse kept = asking.receive();
  CHECK(kept.status == 202);
  CHECK(kept.header("Connection") == "keep-alive");
  asking.send(get);
  CHECK(asking.receive().body == "page");
}

TEST_CASE("a target may be a whole URL, as clients of proxies send it") {
  Setup setup;
  RawClient client{setup.port};
  client.send(
      "POST http://127.0.0.1:8099/events HTTP/1.1\r\nHost: 127.0.0.1:8099\r\n"
      "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"event\":\"a\"}");
  CHECK(client.receive().status == 202);
  client.send(
      "POST http://example.org/events HTTP/1.1\r\nHost: other\r\nOrigin: http://example.org\r\n"
      "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"event\":\"a\"}");
  CHECK(client.receive().status == 202);
}

TEST_CASE("empty lines between requests are passed over, as after the bodies of old clients") {
  Setup setup;
  RawClient client{setup.port};
  client.send("\r\n" + post(event_named("a")) + "\r\n" + post(event_named("b")));
  CHECK(client.receive().status == 202);
  CHECK(client.receive().status == 202);
  CHECK(setup.gate->names() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a coding that is sent twice is a list, and a type that is sent twice is none") {
  Setup setup;
  RawClient client{setup.port};
  client.send(
      post(event_named("a"), "Content-Encoding: identity\r\nContent-Encoding: identity\r\n"));
  CHECK(client.receive().status == 202);
  client.send(post(event_named("b"), "Content-Type: text/html\r\n"));
  CHECK(client.receive().status == 415);
  CHECK(setup.gate->names() == std::vector<std::string>{"a"});
}

TEST_CASE("each answer has a date, and is not to be taken for another type") {
  Setup setup;
  RawClient client{setup.port};
  client.send(post(event_named("a")) + get + get_of("/nothing") + "malformed\r\n\r\n");
  for (const int status : {202, 200, 404, 400}) {
    const RawResponse response = client.receive();
    CHECK(response.status == status);
    CHECK(response.header("Date").size() == 29);
    CHECK(response.header("X-Content-Type-Options") == "nosniff");
  }
}

TEST_CASE("while draining each answer is the last of its connection") {
  Setup setup;
  RawClient client{setup.port};
  client.send(get);
  CHECK(client.receive().header("Connection").empty());
  setup.front.close_after_answers();
  client.send(post(event_named("a")));
  const RawResponse last = client.receive();
  CHECK(last.status == 202);
  CHECK(last.header("Connection") == "close");
  CHECK(client.receive().status == 0);
}

TEST_CASE("stopping waits for answers that are due, and not for idle clients") {
  Setup setup{{}, false};
  RawClient idle{setup.port};
  idle.send(get);
  idle.receive();
  RawClient waiting{setup.port};
  waiting.send(post(event_named("a")));
  setup.gate->wait_for_writes(1);
  std::thread stopping{[&] { CHECK(setup.front.stop(1h)); }};
  CHECK(idle.receive().status == 0);
  setup.gate->let_all();
  CHECK(waiting.receive().status == 202);
  CHECK(waiting.receive().status == 0);
  stopping.join();
}

TEST_CASE("stopping cuts off what has not come when its time is over") {
  Setup setup;
  RawClient client{setup.port};
  client.send(
      "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.receive(true).status == 100);
  CHECK_FALSE(setup.front.stop(1ms));
  CHECK(client.receive().status == 0);
}

}  // namespace eventcollect::test
