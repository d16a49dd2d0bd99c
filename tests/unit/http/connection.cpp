#include "http/connection.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace eventcollect::http {
namespace {

using Strings = std::vector<std::string>;

// A connection with what is around it: a client that takes every byte, unless it is told otherwise,
// and a handler that answers each request at once, except for those to /later.
struct Peer {
  explicit Peer(Limits limits_ = {}, std::size_t max_body_bytes_ = 100)
      : limits{limits_}, max_body_bytes{max_body_bytes_} {}

  // Bytes come in one piece.
  void receive(std::string_view bytes) {
    connection.begin_turn(bytes, now);
    while (go_on()) {
    }
    connection.end_turn();
  }

  // Bytes come in pieces of this size.
  void receive(std::string_view bytes, std::size_t piece_bytes) {
    for (; !bytes.empty() && !connection.is_closed();
         bytes.remove_prefix(std::min(piece_bytes, bytes.size()))) {
      receive(bytes.substr(0, piece_bytes));
    }
  }

  // The handler's answer to a request to /later.
  void answer(bool is_last = false) {
    connection.answer({200, {}, "late"}, is_last);
    receive("");
  }

  void expire() {
    connection.expire();
    receive("");
  }

  // The answers so far: "200 body", "400, close body" and so on.
  Strings take_answers() {
    Strings answers;
    std::string_view left = got;
    while (!left.empty()) {
      const std::size_t end = left.find("\r\n\r\n");
      REQUIRE(end != std::string_view::npos);
      const std::string_view head = left.substr(0, end + 2);
      left.remove_prefix(end + 4);
      std::string answer{head.substr(std::string_view{"HTTP/1.1 "}.size(), 3)};
      for (const std::string_view option : {"close", "keep-alive"}) {
        const std::string field = "\r\nConnection: " + std::string{option} + "\r\n";
        if (head.find(field) != std::string_view::npos) answer.append(", ").append(option);
      }
      const std::size_t length = head.find("\r\nContent-Length: ");
      const bool has_body = length != std::string_view::npos && !left.starts_with("HTTP/1.1");
      if (has_body) {
        const std::size_t bytes = std::stoul(std::string{head.substr(length + 18)});
        answer += ' ' + std::string{left.substr(0, bytes)};
        left.remove_prefix(std::min(bytes, left.size()));
      }
      answers.push_back(answer);
    }
    got.clear();
    return answers;
  }

  const Limits limits;
  Connection::TimePoint now{};
  std::vector<std::chrono::milliseconds> upload_times;
  const std::size_t max_body_bytes;
  ByteBudget budget{limits.max_buffered_bytes};
  ByteBudget unsent{limits.max_unsent_bytes};
  Counters counters;
  const Date date{std::chrono::sys_seconds{std::chrono::seconds{784'111'777}}};
  const ConnectionContext context{limits, budget, unsent, counters, date};
  Connection connection{"192.0.2.1", context};

  const SharedBody shared = std::make_shared<const std::string>(1'000, 's');
  std::size_t takes_bytes = 1'000'000;  // the client, of the output
  Strings handled;                      // "METHOD PATH BODY"
  std::string got;                      // by the client
  bool is_shut_down = false;

 private:
  bool go_on() {
    switch (connection.next()) {
      case Step::none:
        return false;
      case Step::head:
        if (connection.request().path == "/early") {
          connection.answer({403, {}, "early"}, false);
        } else if (connection.request().path == "/shared") {
          connection.answer({200, {}, {}}, false, shared);
        } else {
          connection.take_body(max_body_bytes);
          // As a loop does where the handler has thrown.
          if (connection.request().path == "/fails") connection.answer({503, {}, "failed"}, false);
        }
        return true;
      case Step::too_large:
        connection.answer({413, {}, "too large"}, false);
        return true;
      case Step::request:
        return handle(connection.request());
      case Step::send:
        return send();
      case Step::shut_down:
        CHECK_FALSE(is_shut_down);
        is_shut_down = true;
        return true;
    }
    return false;
  }

  bool handle(const Request& request) {
    CHECK(request.peer == "192.0.2.1");
    CHECK(request.is_admitted);
    std::string text{request.method};
    text.append(" ").append(request.path).append(" ").append(request.body);
    handled.push_back(text);
    upload_times.push_back(request.upload_time);
    if (request.path != "/later") connection.answer({200, {}, text}, false);
    return true;
  }

  bool send() {
    const std::string_view piece = connection.output().substr(0, takes_bytes);
    if (piece.empty()) return false;
    got += piece;
    takes_bytes -= piece.size();
    connection.sent(piece.size());
    return true;
  }
};

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

std::string post(const std::string& path, const std::string& body, const std::string& fields = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + fields +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string chunked(const std::string& path, const std::string& chunks,
                    const std::string& fields = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + fields +
         "Transfer-Encoding: chunked\r\n\r\n" + chunks;
}

const std::string hello_chunks = "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";

void check_closed_after(Peer& peer) {
  CHECK(peer.is_shut_down);
  CHECK(peer.connection.wait() == Wait::close);
  CHECK_FALSE(peer.connection.is_closed());  // what still comes has to be read
  CHECK(peer.budget.used() == 0);
}

}  // namespace

TEST_CASE("a request says how long it took from its first byte to its last") {
  using std::chrono::milliseconds;
  Peer peer;
  const auto receive_later = [&](std::string_view bytes) {
    peer.now += milliseconds{1000};
    peer.receive(bytes);
  };
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n";
  receive_later(head + "body");
  receive_later(head.substr(0, 10));  // in a part of its head
  receive_later(head.substr(10) + "bo");
  receive_later("dy");
  receive_later(head + "b");  // behind its head
  receive_later("ody");
  receive_later(head + "body" + head + "bo");  // behind another request
  receive_later("dy");
  receive_later(head + "body");
  CHECK(peer.upload_times == std::vector<milliseconds>{milliseconds{0}, milliseconds{2000},
                                                       milliseconds{1000}, milliseconds{0},
                                                       milliseconds{1000}, milliseconds{0}});
}

TEST_CASE("requests are handled and answered in order, however they are cut") {
  const std::string requests = get("/a") + post("/b", "body") + chunked("/c", hello_chunks) +
                               get("/early") + post("/d", "") + get("/e");
  for (std::size_t piece = 1; piece <= requests.size(); ++piece) {
    CAPTURE(piece);
    Peer peer;
    peer.receive(requests, piece);
    CHECK(peer.handled ==
          Strings{"GET /a ", "POST /b body", "POST /c hello", "POST /d ", "GET /e "});
    CHECK(peer.take_answers() == Strings{"200 GET /a ", "200 POST /b body", "200 POST /c hello",
                                         "403 early", "200 POST /d ", "200 GET /e "});
    CHECK(peer.connection.wait() == Wait::idle);
    CHECK(peer.budget.used() == 0);
  }
}

TEST_CASE("each request that is cut in two is handled once, when its last byte is there") {
  for (const std::string& request : {get("/a"), post("/b", "body"), chunked("/c", hello_chunks)}) {
    for (std::size_t bytes = 1; bytes < request.size(); ++bytes) {
      CAPTURE(bytes);
      Peer peer;
      peer.receive(request.substr(0, bytes));
      CHECK(peer.handled.empty());
      CHECK(peer.connection.wait() == Wait::request);
      CHECK(peer.connection.wants_bytes());
      peer.receive(request.substr(bytes));
      CHECK(peer.handled.size() == 1);
      CHECK(peer.connection.wait() == Wait::idle);
    }
  }
}

TEST_CASE("bytes that are buffered are counted, and given back when they are used") {
  Peer peer;
  const std::string request = post("/a", "0123456789");
  peer.receive(request.substr(0, 20));
  CHECK(peer.budget.used() == 20);
  peer.receive(request.substr(20, request.size() - 25));
  CHECK(peer.budget.used() == request.size() - 5);
  peer.receive(request.substr(request.size() - 5));
  CHECK(peer.budget.used() == 0);
  peer.receive(get("/later") + get("/b"));
  CHECK(peer.budget.used() == get("/b").size());
  peer.answer();
  CHECK(peer.budget.used() == 0);
  peer.receive("GET /");
  peer.connection.close();
  CHECK(peer.budget.used() == 0);
}

TEST_CASE("a request waits for the answer to the one before") {
  Peer peer;
  peer.receive(get("/later") + get("/b") + get("/later"));
  CHECK(peer.handled == Strings{"GET /later "});
  CHECK(peer.connection.wait() == Wait::handler);
  CHECK_FALSE(peer.connection.wants_bytes());
  peer.answer();
  CHECK(peer.handled == Strings{"GET /later ", "GET /b ", "GET /later "});
  CHECK(peer.take_answers() == Strings{"200 late", "200 GET /b "});
  peer.answer();
  CHECK(peer.take_answers() == Strings{"200 late"});
}

TEST_CASE("requests that are sent together are answered in order, one turn for each") {
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += i % 3 == 0 ? post("/later", "body") : get("/later");
  for (const std::size_t piece : {std::size_t{100}, requests.size()}) {
    Peer peer;
    std::size_t answered = 0;
    std::string_view left = requests;
    while (answered < 100) {
      REQUIRE(peer.budget.used() <= requests.size());
      if (peer.connection.wants_bytes()) {
        REQUIRE_FALSE(left.empty());
        peer.receive(left.substr(0, piece));
        left.remove_prefix(std::min(piece, left.size()));
      } else {
        peer.answer();
        ++answered;
      }
    }
    CHECK(peer.handled.size() == 100);
    CHECK(std::ranges::count(peer.handled, "POST /later body") == 34);
    CHECK(peer.take_answers() == Strings(100, "200 late"));
    CHECK(peer.budget.used() == 0);
  }
}

TEST_CASE("a client that does not take its answer gets no further one") {
  Peer peer;
  peer.takes_bytes = 10;
  peer.receive(get("/a") + get("/b"));
  CHECK(peer.handled == Strings{"GET /a "});
  CHECK(peer.connection.wait() == Wait::client);
  CHECK_FALSE(peer.connection.wants_bytes());
  CHECK_FALSE(peer.connection.is_between_requests());
  peer.takes_bytes = 1'000;
  peer.receive("");
  CHECK(peer.take_answers() == Strings{"200 GET /a ", "200 GET /b "});
  CHECK(peer.connection.wait() == Wait::idle);
}

TEST_CASE("requests of a client that does not take its answers count as its answers do") {
  Peer peer;
  peer.takes_bytes = 10;
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += get("/a");
  peer.receive(requests);
  CHECK(peer.budget.used() == 0);
  CHECK(peer.unsent.used() > requests.size() / 2);
  peer.takes_bytes = 1'000'000;
  peer.receive("");
  CHECK(peer.unsent.used() == 0);
}

TEST_CASE("what of an answer is not sent is counted, and given back when it is") {
  const auto half_sent = [](Peer& peer) {
    peer.takes_bytes = 10;
    peer.receive(get("/a"));
    CHECK(peer.unsent.used() >= peer.connection.output().size());
    CHECK(peer.unsent.used() < 1'000);
  };
  Peer peer;
  half_sent(peer);
  peer.takes_bytes = 1'000;
  peer.receive("");
  CHECK(peer.take_answers() == Strings{"200 GET /a "});
  CHECK(peer.unsent.used() == 0);
  half_sent(peer);
  peer.connection.close();
  CHECK(peer.unsent.used() == 0);
  Peer other{{.max_unsent_bytes = 20}};
  other.takes_bytes = 10;
  other.receive(get("/a"));
  CHECK(other.connection.is_closed());
  CHECK(other.unsent.used() == 0);
}

TEST_CASE("a shared body is sent like one of the answer's own") {
  Peer peer;
  const std::string whole = "200 " + *peer.shared;
  peer.receive(get("/shared") + get("/a") + get("/shared"));
  CHECK(peer.take_answers() == Strings{whole, "200 GET /a ", whole});
  peer.receive("HEAD /shared HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(peer.got.find("\r\nContent-Length: 1000\r\n") != std::string::npos);
  CHECK(peer.got.ends_with("\r\n\r\n"));
  peer.got.clear();
  peer.takes_bytes = 0;
  peer.receive(get("/shared") + get("/a"));
  while (peer.connection.wait() == Wait::client) {
    peer.takes_bytes = 7;
    peer.receive("");
  }
  peer.takes_bytes = 1'000;
  peer.receive("");
  CHECK(peer.take_answers() == Strings{whole, "200 GET /a "});
  CHECK(peer.shared.use_count() == 1);
}

TEST_CASE("a shared body is in memory once, and so does not count for each client") {
  Peer peer;
  peer.takes_bytes = 10;
  peer.receive(get("/shared"));
  CHECK(peer.unsent.used() >= 100);
  CHECK(peer.unsent.used() < peer.shared->size());
  CHECK(peer.shared.use_count() == 2);
  peer.connection.close();
  CHECK(peer.unsent.used() == 0);
  CHECK(peer.shared.use_count() == 1);
}

TEST_CASE("an answer is taken only for the request that it belongs to") {
  Peer peer;
  peer.receive(get("/later"));
  const std::uint32_t first = peer.connection.waits_begun();
  CHECK(peer.connection.awaits_answer(first));
  peer.answer();
  CHECK_FALSE(peer.connection.awaits_answer(first));
  peer.receive(get("/later"));
  CHECK_FALSE(peer.connection.awaits_answer(first));
  CHECK(peer.connection.awaits_answer(peer.connection.waits_begun()));
}

TEST_CASE("a client that has to make room is told so, and its bytes are given back at once") {
  for (const std::string& begun : {std::string{"GET / HT"}, post("/a", "body").substr(0, 50),
                                   post("/a", std::string(99, 'x')).substr(0, 120)}) {
    Peer peer;
    peer.receive(begun);
    CHECK(peer.budget.used() > 0);
    peer.connection.evict();
    CHECK(peer.budget.used() == 0);
    CHECK(peer.counters.timed_out == 0);
    peer.receive("");
    CHECK(peer.take_answers() == Strings{"408, close The request did not arrive in time.\n"});
    check_closed_after(peer);
  }
}

TEST_CASE("a client that asks before it sends its body is told to go on, or why not") {
  const std::string expect = "Expect: 100-continue\r\n";
  for (const std::string& request :
       {post("/a", "hello", expect), chunked("/a", hello_chunks, expect)}) {
    const std::size_t head = request.find("\r\n\r\n") + 4;
    Peer peer;
    peer.receive(request.substr(0, head));
    CHECK(peer.got == "HTTP/1.1 100 Continue\r\n\r\n");
    peer.got.clear();
    peer.receive(request.substr(head), 1);
    CHECK(peer.take_answers() == Strings{"200 POST /a hello"});
  }
  Peer at_once;
  at_once.receive(post("/a", "hello", expect));
  CHECK(at_once.take_answers() == Strings{"200 POST /a hello"});
  Peer old;  // it does not know such an answer
  old.receive("POST /a HTTP/1.0\r\nContent-Length: 5\r\n" + expect + "\r\nhell");
  CHECK(old.got.empty());
  old.receive("o");
  CHECK(old.take_answers() == Strings{"200, close POST /a hello"});
  Peer early;
  early.receive("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n" + expect + "\r\n");
  CHECK(early.take_answers() == Strings{"403, close early"});
}

TEST_CASE("a body is rejected as too large as soon as that is known, and is never a request") {
  const std::string smuggled =
      get("/smuggled") + get("/smuggled") + get("/smuggled") + get("/more");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{50}, std::size_t{1'000}}) {
    CAPTURE(piece);
    Peer by_length;
    by_length.receive(post("/a", smuggled), piece);
    CHECK(by_length.take_answers() == Strings{"413, close too large"});
    CHECK(by_length.handled.empty());
    check_closed_after(by_length);
    Peer by_chunks;
    by_chunks.receive(chunked("/a", "64\r\n" + std::string(100, 'x') + "\r\n1\r\nx\r\n" + smuggled),
                      piece);
    CHECK(by_chunks.take_answers() == Strings{"413, close too large"});
    CHECK(by_chunks.handled.empty());
    check_closed_after(by_chunks);
  }
  Peer fits;
  fits.receive(post("/a", std::string(100, 'x')));
  CHECK(fits.handled.size() == 1);
}

TEST_CASE("an answer before the body ends the connection, and what comes is drained to a bound") {
  Peer peer{{.max_drained_bytes = 1'000}};
  const std::string request = post("/early", std::string(400, 'x')) + get("/smuggled");
  peer.receive(request);
  CHECK(peer.take_answers() == Strings{"403, close early"});
  check_closed_after(peer);
  CHECK(peer.connection.wants_bytes());
  const std::size_t drained = request.size() - (request.find("\r\n\r\n") + 4);
  peer.receive(std::string(1'000 - drained, 'x'));
  CHECK_FALSE(peer.connection.is_closed());
  peer.receive("x");
  CHECK(peer.connection.is_closed());
  CHECK(peer.handled.empty());
  CHECK(peer.got.empty());
}

TEST_CASE("an answer in the middle of a body ends the connection, too") {
  Peer peer{Limits{}};
  peer.receive(post("/fails", get("/smuggled")) + get("/smuggled"));
  CHECK(peer.take_answers() == Strings{"503, close failed"});
  check_closed_after(peer);
  CHECK(peer.handled.empty());
}

TEST_CASE("the answer to HEAD says how long it would be, and has no body") {
  Peer peer;
  peer.receive("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(peer.got ==
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "X-Content-Type-Options: nosniff\r\nContent-Length: 8\r\n\r\n");
  peer.got.clear();
  peer.receive(get("/b"));
  CHECK(peer.take_answers() == Strings{"200 GET /b "});
  peer.receive("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
  peer.got.clear();
  peer.receive("malformed\r\n\r\n");
  CHECK(peer.take_answers() == Strings{"400, close Malformed HTTP request.\n"});
}

TEST_CASE("the last answer is the one that the client, the version or the front says") {
  const std::string smuggled = get("/smuggled");
  for (const std::string& request :
       {std::string{"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"},
        std::string{"GET /a HTTP/1.0\r\n\r\n"}}) {
    Peer peer;
    peer.receive(request + smuggled);
    CHECK(peer.take_answers() == Strings{"200, close GET /a "});
    CHECK(peer.handled.size() == 1);
    check_closed_after(peer);
  }
  Peer old;
  old.receive("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get("/b"));
  CHECK(old.take_answers() == Strings{"200, keep-alive GET /a ", "200 GET /b "});
  Peer stopping;
  stopping.receive(get("/later") + smuggled);
  stopping.answer(true);
  CHECK(stopping.take_answers() == Strings{"200, close late"});
  CHECK(stopping.handled == Strings{"GET /later "});
  check_closed_after(stopping);
}

TEST_CASE("malformed requests are answered, and end the connection") {
  struct Case {
    std::string bytes;
    std::string answer;
  };
  const Case cases[] = {
      {"GET\r\n\r\n", "400, close Malformed HTTP request.\n"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
       "400, close Malformed HTTP request.\n"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
       "501, close The only supported transfer coding is chunked.\n"},
      {chunked("/", "1\r\nab"), "400, close Malformed chunk in the body.\n"},
  };
  for (const Case& c : cases) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1'000}}) {
      CAPTURE(c.bytes);
      Peer peer;
      peer.receive(c.bytes + get("/smuggled"), piece);
      CHECK(peer.take_answers() == Strings{c.answer});
      CHECK(peer.handled.empty());
      CHECK(peer.counters.malformed == 1);
      check_closed_after(peer);
    }
  }
}

TEST_CASE("empty lines before a request are passed over, and are not its begin") {
  for (const std::size_t piece : {1U, 2U, 3U, 1'000U}) {
    CAPTURE(piece);
    Peer peer;
    peer.receive("\r\n" + post("/a", "body") + "\r\n\r\n" + get("/b") + "\r\n", piece);
    CHECK(peer.take_answers() == Strings{"200 POST /a body", "200 GET /b "});
    CHECK(peer.connection.wait() == Wait::idle);
    CHECK(peer.budget.used() == 0);
  }
}

TEST_CASE("what can never become a request is answered before its head has an end") {
  const std::string starts[] = {
      std::string{"\x16\x03\x01\x02\0\x01\0", 7},  // TLS
      "SSH-2.0-OpenSSH_9.2\r\n",
      "EHLO example.org\r\n",
      "PRI * HTTP/2.0\r\n",
      "GET /a\r\n",
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost: a\rX",
      "\rGET / HTTP/1.1\r\n",
      "\nGET / HTTP/1.1\r\n",
  };
  for (const std::string& start : starts) {
    for (const std::size_t piece : {1U, 1'000U}) {
      CAPTURE(start);
      Peer peer;
      peer.receive(start, piece);
      CHECK(peer.take_answers() == Strings{"400, close Malformed HTTP request.\n"});
      CHECK(peer.counters.malformed == 1);
      check_closed_after(peer);
    }
  }
}

TEST_CASE("a head has a bound") {
  const std::string head = "GET /a HTTP/1.1\r\nHost: a\r\nX: ";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1'000}}) {
    Peer peer{{.max_head_bytes = 100}};
    peer.receive(head + std::string(100 - head.size() - 4, 'x') + "\r\n\r\n", piece);
    CHECK(peer.handled.size() == 1);
    peer.got.clear();
    peer.receive(head + std::string(100 - head.size() - 3, 'x') + "\r\n\r\n", piece);
    CHECK(peer.take_answers() == Strings{"431, close The header fields are too large.\n"});
    check_closed_after(peer);
  }
}

TEST_CASE(
    "where the budget has no room a request is answered with 503, and its bytes are given back") {
  Peer peer{{.max_buffered_bytes = 150}};
  REQUIRE(peer.budget.take(50));
  const std::string request = post("/a", std::string(99, 'x'));
  peer.receive(request.substr(0, request.size() - 1));
  const std::string busy = peer.got;
  CHECK(peer.take_answers() ==
        Strings{"503, close Too many requests are in progress. Send it again.\n"});
  CHECK(busy.find("\r\nRetry-After: 1\r\n") != std::string::npos);
  CHECK(peer.budget.used() == 50);
}

TEST_CASE("where the budget has no room for a part of a head the connection is closed") {
  Peer peer{{.max_buffered_bytes = 10}};
  peer.receive("GET /");
  CHECK(peer.budget.used() == 5);
  peer.receive("abcdef");
  CHECK(peer.connection.is_closed());
  CHECK(peer.budget.used() == 0);
  CHECK(peer.got.empty());
}

TEST_CASE("a request that does not come in time is told so, and an idle connection just closed") {
  Peer in_head;
  in_head.receive("GET / HT");
  in_head.expire();
  CHECK(in_head.take_answers() == Strings{"408, close The request did not arrive in time.\n"});
  CHECK(in_head.counters.timed_out == 1);
  check_closed_after(in_head);
  in_head.expire();
  CHECK(in_head.connection.is_closed());

  Peer in_body;
  in_body.receive(post("/a", "body").substr(0, 50));
  in_body.expire();
  CHECK(in_body.take_answers() == Strings{"408, close The request did not arrive in time.\n"});
  CHECK(in_body.handled.empty());
  check_closed_after(in_body);

  Peer idle;
  idle.expire();
  CHECK(idle.connection.is_closed());
  CHECK(idle.got.empty());
  CHECK(idle.counters.timed_out == 0);

  Peer unreachable;  // it has not even taken the 100 Continue
  unreachable.takes_bytes = 1;
  unreachable.receive(
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
  CHECK(unreachable.connection.wait() == Wait::request);
  CHECK_FALSE(unreachable.connection.wants_bytes());
  unreachable.expire();
  CHECK(unreachable.connection.is_closed());
  CHECK(unreachable.counters.timed_out == 0);

  Peer unread;
  unread.takes_bytes = 1;
  unread.receive(get("/a"));
  unread.expire();
  CHECK(unread.connection.is_closed());
  CHECK(unread.counters.timed_out == 0);
}

TEST_CASE("a time limit runs from the first byte of each request, and not anew with each byte") {
  Peer peer;
  const auto begun = [&] { return peer.connection.waits_begun(); };
  const auto at_first = begun();
  peer.receive("GET / HTTP");
  const auto in_request = begun();
  CHECK(in_request != at_first);
  peer.receive("/1.1\r\nHost: a\r\n");
  CHECK(begun() == in_request);
  peer.receive("\r\nGET /b");  // its end, and the begin of the next one
  CHECK(peer.connection.wait() == Wait::request);
  const auto in_next = begun();
  CHECK(in_next != in_request);
  peer.receive(" HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
  CHECK(begun() == in_next);  // the body has no time of its own
  peer.receive("1");
  CHECK(begun() == in_next);
  peer.receive("2");
  CHECK(peer.connection.wait() == Wait::idle);
  CHECK(peer.handled.size() == 2);
}

}  // namespace eventcollect::http
