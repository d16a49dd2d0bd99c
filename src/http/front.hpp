// The server's side of HTTP/1.1: accepts connections, reads whole requests, sends the answers.
//
// eventcollect-server has a front of its own since cpp-httplib gives a thread to each connection
// and cannot bound what it buffers: here a few loops serve all connections, an idle or a slow
// client costs some hundred bytes, and a request reaches its handler only when it is complete.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "http/handler.hpp"
#include "http/host_port.hpp"
#include "http/limits.hpp"
#include "http/statistics.hpp"

namespace eventcollect::http {

struct Shared;
class Loop;

// start and stop by one thread; the rest is safe from any.
class Front {
 public:
  // Serves with `threads` loops. `handler` has to outlive it.
  Front(Handler& handler, std::size_t threads, const Limits& limits = {});
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  // Listens and serves from now on. Returns where: with the port that the system picked. Throws
  // std::runtime_error where it cannot listen.
  HostPort start(const HostPort& at);

  // From now on each answer is the last of its connection.
  void close_after_answers();

  // Ends listening, closes idle connections, and waits until the requests in progress are answered,
  // at most for `timeout`. True if they were.
  bool stop(std::chrono::milliseconds timeout);

  Statistics statistics() const;

 private:
  const std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace eventcollect::http
