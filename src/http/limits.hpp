// What bounds the clients of a front.
#pragma once

#include <chrono>
#include <cstddef>

namespace eventcollect::http {

struct Limits {
  std::size_t max_head_bytes = 32 << 10;  // then 431: the cookies of a site come with each request
  std::size_t max_connections = 20'000;   // beyond it the one that has been idle longest is closed
  // Of requests that are not complete: then 503. Buffers that grow can take up twice as much.
  std::size_t max_buffered_bytes = std::size_t{64} << 20;
  // Between requests: longer than the 60 s of common balancers, so that they close first.
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds request_timeout{30'000};  // from a request's first byte to its last
  std::chrono::milliseconds write_timeout{30'000};    // for a client to take its answer
  std::chrono::milliseconds drain_timeout{2'000};     // for what comes after the last answer
  std::size_t max_drained_bytes = std::size_t{8} << 20;
};

}  // namespace eventcollect::http
