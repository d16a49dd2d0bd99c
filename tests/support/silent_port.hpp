// Hosts that are of no use to a client.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <list>
#include <string>

namespace eventcollect::test {

// A port of 127.0.0.1 where nobody ever says anything. A full one does not even take connections.
class SilentPort {
 public:
  enum Kind : std::uint8_t { accepting, full };

  explicit SilentPort(Kind kind) : listener_{make_socket()} {
    socklen_t size = sizeof address_;
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* address = reinterpret_cast<sockaddr*>(&address_);
    REQUIRE(bind(listener_, address, size) == 0);
    REQUIRE(listen(listener_, kind == full ? 0 : 16) == 0);
    REQUIRE(getsockname(listener_, address, &size) == 0);
    for (int i = 0; kind == full && i < 4; ++i) {
      waiting_.push_back(make_socket());
      static_cast<void>(connect(waiting_.back(), address, size));
    }
  }
  ~SilentPort() {
    close(listener_);
    for (const int one : waiting_) close(one);
  }
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

 private:
  static int make_socket() {
    const int made = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    REQUIRE(made >= 0);
    return made;
  }

  int listener_;
  sockaddr_in address_{};
  std::list<int> waiting_{};
};

// One that was free a moment ago.
inline std::string closed_port() { return SilentPort{SilentPort::accepting}.host(); }

}  // namespace eventcollect::test
