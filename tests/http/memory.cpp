// What a front does where memory is short.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "http/front.hpp"
#include "http/response_queue.hpp"
#include "support/raw_http.hpp"
#include "support/replaced_new.hpp"

namespace {

std::atomic<std::size_t> max_allocation{SIZE_MAX};  // of any thread
thread_local bool is_short = false;                 // for this thread

}  // namespace

bool eventcollect::test::may_allocate(std::size_t bytes) noexcept {
  return !is_short && bytes <= max_allocation;
}

namespace eventcollect::test {
namespace {

constexpr std::size_t large_bytes = 1 << 20;

// Answers with a large body that is there already: before the request's body at /early, else after.
class LargeAnswers final : public http::Handler {
 public:
  std::optional<http::Answer> before_body(const Request& request) override {
    if (request.path == "/small") return Response{200, {}, "small"};
    if (request.path != "/early") return {};
    return http::Answer{std::move(answer)};
  }
  std::size_t max_body_bytes() const override { return 1 << 21; }
  Response too_large(const Request&) override { return {413, {}, {}}; }
  void handle(const Request&, std::function<void(Response)> respond) override {
    respond(std::move(answer));
  }

  Response answer{200, {}, std::string(large_bytes, 'x')};
};

// While it lives nothing large can be had.
struct ShortMemory {
  ShortMemory() { max_allocation = large_bytes / 2; }
  ~ShortMemory() { max_allocation = SIZE_MAX; }
};

std::string request_of(const std::string& line, const std::string& fields = "") {
  return line + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

void check_serves(std::uint16_t port) {
  RawClient client{port};
  client.send(request_of("GET /small"));
  CHECK(client.receive().body == "small");
}

}  // namespace

TEST_CASE("an answer that memory is too short for is another one, and whole") {
  LargeAnswers answers;
  http::Front front{answers, 1};
  const std::uint16_t port = front.start({"127.0.0.1", 0}).port;
  RawClient client{port};
  const ShortMemory short_memory;
  client.send(request_of("GET /early") + request_of("GET /small"));
  CHECK(client.receive().status == 503);
  CHECK(client.receive().body == "small");
}

TEST_CASE("a late answer that memory is too short for closes its connection, and no other") {
  LargeAnswers answers;
  http::Front front{answers, 1};
  const std::uint16_t port = front.start({"127.0.0.1", 0}).port;
  RawClient client{port};
  const ShortMemory short_memory;
  client.send(request_of("GET /late"));
  CHECK(client.receive().status == 0);
  check_serves(port);
}

TEST_CASE("a body that memory is too short for closes its connection, and no other") {
  LargeAnswers answers;
  http::Front front{answers, 1};
  const std::uint16_t port = front.start({"127.0.0.1", 0}).port;
  RawClient client{port};
  const std::string body(large_bytes, 'x');
  const std::string head =
      request_of("POST /late", "Content-Length: " + std::to_string(body.size() + 1) + "\r\n");
  const ShortMemory short_memory;
  client.send(head);
  client.send(body);
  CHECK(client.receive().status == 0);
  check_serves(port);
}

TEST_CASE("an answer needs no memory on the thread that gives it") {
  http::ResponseQueue queue;
  queue.reserve(3);
  std::vector<http::ResponseQueue::Entry> taken;
  taken.reserve(3);
  for (int round = 0; round < 2; ++round) {
    is_short = true;
    for (std::uint64_t client = 1; client <= 3; ++client) queue.put({client, 0, {200, {}, {}}});
    is_short = false;
    queue.take(taken);
    CHECK(taken.size() == 3);
    taken.clear();
  }
}

}  // namespace eventcollect::test
