// The server's side of HTTP/1.1 connections: accepts them, reads whole requests, sends the answers.
//
// An idle or a slow client costs some hundred bytes and no thread: a few loops over epoll serve all
// connections, and a request reaches its handler only when all of it has come. cpp-httplib's own
// loop gives each connection a thread, and the limits that it offers do not hold for chunked or
// compressed bodies.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/http.hpp"
#include "http/head.hpp"
#include "http/host_port.hpp"

namespace eventcollect {

// A request as it came. All views last until the function that it is given to returns.
struct FrontRequest {
  const HttpHead& head;
  std::string_view peer;  // the other end's address
  std::string_view body;  // chunked coding undone, any content coding not
};

// What is behind a front. Its functions are called on the front's threads and must not block.
class FrontHandler {
 public:
  virtual ~FrontHandler() = default;

  // The answer to a request whose body is not wanted; it will be drained and the connection closed.
  virtual std::optional<Response> before_body(const FrontRequest& request) = 0;

  virtual std::size_t max_body_bytes() const = 0;
  virtual Response too_large(const FrontRequest& request) = 0;

  // Answers by calling `respond` once, from any thread, now or later.
  virtual void handle(const FrontRequest& request, std::function<void(Response)> respond) = 0;
};

struct FrontLimits {
  std::size_t max_head_bytes = 16 << 10;  // then 431
  std::size_t max_connections = 20'000;   // beyond it the longest idle one has to go
  // Of requests not yet complete: then 503. They can take up twice as much while they grow.
  std::size_t max_buffered_bytes = std::size_t{64} << 20;
  std::chrono::milliseconds idle_timeout{60'000};     // between requests
  std::chrono::milliseconds request_timeout{30'000};  // from a request's first byte to its last
  std::chrono::milliseconds write_timeout{30'000};    // for a client to take its answer
  std::chrono::milliseconds drain_timeout{2'000};     // for what comes after a refusal
  std::size_t max_drained_bytes = std::size_t{8} << 20;
};

// Counts since the start, but for the two that say how it is now.
struct FrontStatistics {
  std::uint64_t connections_open = 0;  // now
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_evicted = 0;  // idle ones closed to make room, or new ones turned away
  std::uint64_t requests_timed_out = 0;
  std::uint64_t requests_malformed = 0;
  std::uint64_t buffered_bytes = 0;  // now: of requests that have not come whole
};

struct FrontShared;
class FrontLoop;

// start and stop by one thread; the rest is safe from any.
class Front {
 public:
  // Serves with `threads` loops. `handler` has to outlive it.
  Front(FrontHandler& handler, std::size_t threads, FrontLimits limits = {});
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  // Listens and serves from now on. Returns where: with the port that the system picked. Throws
  // std::runtime_error where that cannot be had.
  HostPort start(const HostPort& at);

  // From now on each answer is the last of its connection.
  void close_after_answers();

  // Ends listening, closes idle connections, and waits until the requests under way are answered,
  // at most for `patience`. True if they were.
  bool stop(std::chrono::milliseconds patience);

  FrontStatistics statistics() const;

 private:
  std::shared_ptr<FrontShared> shared_;
  const std::size_t threads_;
  std::vector<std::unique_ptr<FrontLoop>> loops_;
};

}  // namespace eventcollect
