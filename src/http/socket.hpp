// Sockets, and how many of them the process may have.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "http/host_port.hpp"

namespace eventcollect::http {

// A descriptor that is closed with its owner.
class Socket {
 public:
  explicit Socket(int value = -1) : value_{value} {}
  ~Socket() { reset(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int get() const { return value_; }
  void reset(int value = -1);
  // It is the caller's to close from now on.
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

// Throws std::runtime_error: `what`, and what errno says.
[[noreturn]] void throw_errno(const std::string& what);

// Opens a socket that listens and does not block. Throws std::runtime_error.
int listen_at(const HostPort& at);

std::uint16_t port_of(int socket);

// An address as text, without the port.
std::string address_text(const sockaddr_storage& address);

// Lets the process have as many descriptors as the system allows. Returns how many.
std::size_t raise_descriptor_limit();

}  // namespace eventcollect::http
