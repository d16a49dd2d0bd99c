// One connection of a front: what has been read, where in its request it is, what is to be sent.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "http/head.hpp"

namespace eventcollect {

// Belongs to one loop.
struct FrontConnection {
  enum class Stage : std::uint8_t {
    head,     // the next request's head is awaited, or part of it is in `input`
    body,     // the head is in head_text; the body gathers
    waiting,  // the handler has the request
    closing,  // the last answer is sent; what still comes is thrown away
    closed,   // it is out of the loop's hands, and will be destroyed when nothing uses it any more
  };

  // What its deadline is for. Each kind has one time limit for all connections.
  enum class Wait : std::uint8_t {
    idle,     // nothing of a request has come, or all that came is answered
    request,  // a request has begun to come
    handler,  // the answer is ours to give: no deadline
    reader,   // the answer is the client's to take
    goodbye,  // it is closing
  };
  static constexpr std::size_t wait_kinds = 5;

  FrontConnection(int socket_, std::uint64_t id_, std::string peer_)
      : socket{socket_}, id{id_}, peer{std::move(peer_)} {}
  ~FrontConnection() { ::close(socket); }
  FrontConnection(const FrontConnection&) = delete;
  FrontConnection& operator=(const FrontConnection&) = delete;

  const int socket;
  const std::uint64_t id;  // never used again, as the socket's number is
  const std::string peer;

  Stage stage = Stage::head;
  bool is_readable = false;    // by the last word of epoll
  bool is_unfinished = false;  // the loop will go on with it by itself
  bool is_shut = false;        // the peer sends no more
  bool closes_after = false;   // the answer that is due is the last
  bool is_head_request = false;

  std::string input;      // read, but not yet a whole head
  std::string head_text;  // of the request whose body is being read
  std::string body;
  std::optional<std::uint64_t> body_bytes;  // that it will have; unknown if it is chunked
  ChunkedReader chunks;
  std::string output;  // not yet taken by the system
  std::size_t drained_bytes = 0;

  Wait wait = Wait::idle;
  std::chrono::steady_clock::time_point deadline;
  std::list<FrontConnection*>::iterator place;  // in the loop's line for `wait`
};

}  // namespace eventcollect
