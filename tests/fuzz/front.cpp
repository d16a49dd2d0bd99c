// Any bytes on a connection, in pieces of any size: the front hands over the requests that the
// bytes hold, answers each in turn, and takes no byte of a body that it rejected for a request.
#include "http/front.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fuzz/require.hpp"
#include "fuzz/work.hpp"
#include "http/chunked.hpp"
#include "http/head.hpp"

namespace {

using namespace eventcollect;
using fuzz::require;
using http::ChunkedReader;
using http::Head;
using http::HeadResult;

constexpr std::size_t body_limit = 32;
constexpr std::chrono::hours never{1};
const http::Limits limits{.max_head_bytes = 256,
                          .idle_timeout = never,
                          .request_timeout = never,
                          .write_timeout = never,
                          .drain_timeout = never};

// How many bytes a call of the system moves for the front. Set while no connection is open.
class Pieces {
 public:
  // All that there are for 0.
  void set(unsigned longest) {
    longest_ = longest;
    random_.seed(longest);
  }
  std::size_t next(std::size_t wanted) {
    return longest_ == 0 ? wanted : std::min<std::size_t>(wanted, 1 + random_() % longest_);
  }

 private:
  unsigned longest_ = 0;
  std::minstd_rand random_;
};
Pieces pieces;

// Runs what it is given on a thread of its own, as a sink does that confirms later.
class Worker {
 public:
  Worker() {
    std::thread{[this] { run(); }}.detach();
  }

  void add(std::function<void()> task) {
    const std::lock_guard lock{mutex_};
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }

 private:
  void run() {
    for (std::unique_lock lock{mutex_};;) {
      changed_.wait(lock, [&] { return !tasks_.empty(); });
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
};

// Answers with what it was asked; before the body, at once, later or by throwing, as the path says.
class Echo final : public http::Handler {
 public:
  static std::string text_of(const Request& request) {
    std::string text{request.method};
    return text.append(" ").append(request.path).append(" ").append(request.body);
  }

  std::optional<http::Answer> before_body(const Request& request) override {
    if (!request.path.starts_with("/early")) return {};
    if (!request.path.starts_with("/early/shared")) return Response{403, {}, text_of(request)};
    auto text = std::make_shared<const std::string>(text_of(request));
    return http::Answer{Response{403, {}, {}}, std::move(text)};
  }
  std::size_t max_body_bytes() const override { return body_limit; }
  Response too_large(const Request& request) override { return {413, {}, text_of(request)}; }

  void handle(const Request& request, std::function<void(Response)> respond) override {
    handled.push_back(text_of(request));
    if (request.path.starts_with("/throw")) throw std::runtime_error{"asked to"};
    if (!request.path.starts_with("/later")) return respond({200, {}, handled.back()});
    worker_.add([respond = std::move(respond), text = handled.back()] {
      respond({200, {}, text});
    });
  }

  std::vector<std::string> handled;  // by the front's thread; to be read while nobody is connected

 private:
  Worker worker_;
};

struct Answer {
  int status = 0;
  std::string body{};  // of the handler's; of the front's own ones it is for people
  bool closes = false;
  bool has_body = true;
  bool may_be_told_to_go_on = false;
};

// What a front has to make of bytes, by a reader that has all of them at once.
class Expected {
 public:
  explicit Expected(std::string_view bytes) : left_{bytes} {
    while (!left_.empty() && take_request()) {
    }
  }

  std::vector<std::string> handled;
  std::vector<Answer> answers;
  bool may_be_told_to_go_on = false;  // for what of a request stands at the end

 private:
  // False where no further request can come.
  bool take_request() {
    Head head;
    http::skip_empty_lines(left_);
    const std::string_view start = left_.substr(0, limits.max_head_bytes);
    switch (http::parse_head(start, head)) {
      case HeadResult::incomplete:
        if (http::HeadWatch{}.look(start) == HeadResult::malformed) {
          return add({.closes = true}, 400);
        }
        return left_.size() >= limits.max_head_bytes && add({.closes = true}, 431);
      case HeadResult::malformed:
        return add({.closes = true}, 400);
      case HeadResult::unsupported:
        return add({.closes = true}, 501);
      case HeadResult::complete:
        left_.remove_prefix(head.text.size());
        return take_body(head);
    }
    return false;
  }

  bool take_body(const Head& head) {
    Request request = head.request;
    Answer answer{
        .body = Echo::text_of(request), .closes = true, .has_body = head.request.method != "HEAD"};
    if (head.request.path.starts_with("/early")) {
      answer.closes = head.has_body() || !head.keeps_alive;
      return add(answer, 403);
    }
    may_be_told_to_go_on = head.expects_continue && head.has_body();
    answer.may_be_told_to_go_on = may_be_told_to_go_on;
    if (head.content_length.value_or(0) > body_limit) return add(answer, 413);
    std::string body;
    if (head.is_chunked) {
      ChunkedReader reader;
      const auto result = reader.read(left_, [&](std::string_view piece) { body += piece; });
      if (body.size() > body_limit) return add(answer, 413);
      if (result == ChunkedReader::Result::incomplete) return false;
      if (result == ChunkedReader::Result::malformed) {
        answer.body.clear();
        return add(answer, 400);
      }
    } else {
      const auto length = static_cast<std::size_t>(head.content_length.value_or(0));
      if (left_.size() < length) return false;
      body = left_.substr(0, length);
      left_.remove_prefix(length);
    }
    request.body = body;
    handled.push_back(Echo::text_of(request));
    const bool throws = head.request.path.starts_with("/throw");
    answer.body = throws ? "" : handled.back();
    answer.closes = !head.keeps_alive;
    return add(answer, throws ? 503 : 200);
  }

  // True where the connection goes on.
  bool add(Answer answer, int status) {
    answer.status = status;
    answers.push_back(answer);
    may_be_told_to_go_on = false;
    return !answer.closes;
  }

  std::string_view left_;
};

// Passes over what tells a client to send its body.
void pass_go_on(std::string_view& bytes, bool may_be_there) {
  constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  if (may_be_there && bytes.starts_with(go_on)) bytes.remove_prefix(go_on.size());
}

// Takes the answer off the front of what a client got.
void take_answer(std::string_view& bytes, const Answer& answer) {
  pass_go_on(bytes, answer.may_be_told_to_go_on);
  const std::size_t end = bytes.find("\r\n\r\n");
  require(end != std::string_view::npos, "each request is answered");
  const std::string_view head = bytes.substr(0, end + 2);
  bytes.remove_prefix(end + 4);
  require(head.starts_with("HTTP/1.1 " + std::to_string(answer.status) + " "), "the status fits");
  const bool closes = head.find("\r\nConnection: close\r\n") != std::string_view::npos;
  require(closes == answer.closes, "an answer says whether it is the last");
  constexpr std::string_view field = "\r\nContent-Length: ";
  const std::size_t at = head.find(field);
  require(at != std::string_view::npos, "an answer says how long it is");
  std::size_t length = 0;
  std::from_chars(head.data() + at + field.size(), head.data() + head.size(), length);
  if (!answer.has_body) return;
  require(length <= bytes.size(), "an answer is as long as it says");
  const bool fits = answer.body.empty() || bytes.substr(0, length) == answer.body;
  require(fits, "an answer belongs to its request");
  bytes.remove_prefix(length);
}

// A front with one loop, which lives as long as the process.
struct World {
  World() {
    port = front.start({"127.0.0.1", 0}).port;
    // libFuzzer's timer is to interrupt nothing.
    struct sigaction alarm {};
    sigaction(SIGALRM, nullptr, &alarm);
    alarm.sa_flags |= SA_RESTART;
    sigaction(SIGALRM, &alarm, nullptr);
  }

  // All that comes back to a client that sends `bytes`, waits for `awaited` bytes of answers, and
  // then says that this was all.
  std::string send(std::string_view bytes, std::size_t awaited) const {
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* place = reinterpret_cast<const sockaddr*>(&address);
    require(::connect(client, place, sizeof(address)) == 0, "the front accepts");
    // What is sent fits into the system's buffers, and so does what comes back: nobody has to wait.
    const bool all = ::write(client, bytes.data(), bytes.size()) == ssize_t(bytes.size());
    require(all, "the front takes what is sent");
    std::string got;
    char buffer[4096];
    for (bool is_shut = false;;) {
      if (!is_shut && got.size() >= awaited) is_shut = ::shutdown(client, SHUT_WR) == 0;
      const ssize_t count = ::read(client, buffer, sizeof(buffer));
      require(count >= 0, "the last answer can be read to its end");
      if (count == 0) break;
      got.append(buffer, static_cast<std::size_t>(count));
    }
    // So that it gives up its number at once, and there are enough for all rounds.
    const linger at_once{1, 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    ::close(client);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    while (front.statistics().connections_open > 0) {
      require(std::chrono::steady_clock::now() < deadline, "a connection that was reset ends");
      std::this_thread::yield();
    }
    return got;
  }

  Echo echo;
  http::Front front{echo, 1, limits};
  std::uint16_t port = 0;
};

// Returns how many bytes come back each time, or 0 where that is not known.
std::size_t check(World& world, std::string_view bytes, const Expected& expected,
                  unsigned longest_piece, std::size_t awaited) {
  pieces.set(longest_piece);
  world.echo.handled.clear();
  const std::string got = world.send(bytes, awaited);
  require(world.echo.handled == expected.handled, "just the requests are handled, in order");
  std::string_view left = got;
  bool is_as_long_each_time = !expected.may_be_told_to_go_on;
  for (const Answer& answer : expected.answers) {
    take_answer(left, answer);
    is_as_long_each_time = is_as_long_each_time && !answer.may_be_told_to_go_on;
  }
  pass_go_on(left, expected.may_be_told_to_go_on);
  require(left.empty(), "nothing but requests is answered");
  return is_as_long_each_time ? got.size() : 0;
}

void check_input(std::string_view input) {
  static World& world = *new World;
  std::string_view text = input.substr(0, 8192);
  const unsigned longest_piece = 1 + fuzz::take_byte(text) % 64;
  const Expected expected{text};
  const std::size_t awaited = check(world, text, expected, 0, 0);
  check(world, text, expected, longest_piece, 0);
  check(world, text, expected, longest_piece, awaited);
}

}  // namespace

// These stand before the C library's, and so cut what the front receives and sends.
extern "C" ssize_t recv(int socket, void* into, std::size_t bytes, int flags) {
  return ::recvfrom(socket, into, pieces.next(bytes), flags, nullptr, nullptr);
}
extern "C" ssize_t send(int socket, const void* from, std::size_t bytes, int flags) {
  return ::sendto(socket, from, pieces.next(bytes), flags, nullptr, 0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 2 << 20, .bytes_per_byte = 100, .copies_per_byte = 2'000};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
