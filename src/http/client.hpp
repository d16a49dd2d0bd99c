// A connection and its socket, as a loop serves them.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <utility>

#include "http/connection.hpp"
#include "http/socket.hpp"

namespace eventcollect::http {

struct Client {
  // Takes the socket over, unless it throws.
  Client(Socket& socket_, std::uint64_t id_, std::string peer, const ConnectionContext& context)
      : socket{socket_.release()}, id{id_}, connection{std::move(peer), context} {}

  const Socket socket;
  const std::uint64_t id;  // never used again, unlike the socket's number
  Connection connection;

  bool is_readable = false;    // as far as epoll said
  bool is_unfinished = false;  // the loop goes on with it without an event

  // Kept by Deadlines.
  Wait line = Wait::idle;
  std::uint32_t waits_begun = 0;
  std::chrono::steady_clock::time_point waits_since;
  std::list<Client*>::iterator place;
};

}  // namespace eventcollect::http
