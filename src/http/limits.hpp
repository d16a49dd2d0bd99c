// What bounds the clients of a front, and what it reads of their requests.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "eventcollect/http.hpp"

namespace eventcollect::http {

struct Limits {
  std::size_t max_head_bytes = 32 << 10;  // then 431: the cookies of a site come with each request
  // Beyond it the one is closed that has been idle, or in the middle of a request, longest.
  std::size_t max_connections = 20'000;
  // Of requests that are not complete: beyond it the one unfinished longest gets 408. Buffers that
  // grow can take up twice as much.
  std::size_t max_buffered_bytes = std::size_t{64} << 20;
  // Of answers that clients do not take: beyond it the client that has waited longest is closed.
  std::size_t max_unsent_bytes = std::size_t{64} << 20;
  // Between requests: longer than the 60 s of common balancers, so that they close first.
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds request_timeout{30'000};  // from a request's first byte to its last
  std::chrono::milliseconds write_timeout{30'000};    // for a client to take its answer
  std::chrono::milliseconds drain_timeout{2'000};     // for what comes after the last answer
  std::size_t max_drained_bytes = std::size_t{8} << 20;
  std::string client_ip_header{default_client_ip_header};  // for Request::forwarded_for
};

}  // namespace eventcollect::http
