#include "drivers/amqp1/socket.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>
#include <system_error>
#include <utility>

#include "drivers/amqp1/broker_error.hpp"

namespace eventcollect::amqp1 {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

Addresses look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0) {
    throw ConnectionLost{Error::unavailable,
                         fmt::format("the host's name is not known: {}", ::gai_strerror(status))};
  }
  return {found, ::freeaddrinfo};
}

void wait_for(int descriptor, short events, SteadyTime until) {
  const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
  pollfd polled{descriptor, events, 0};
  ::poll(&polled, 1,
         static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max())));
}

// The error of a connect() that is under way, 0 when it is done.
int wait_until_connected(int socket, SteadyTime deadline) {
  wait_for(socket, POLLOUT, deadline);
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  if (error != 0) return error;
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof(peer);
  const int status = ::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &peer_size);
  return status == 0 ? 0 : ETIMEDOUT;
}

// A socket that is connected, or -1 and why in errno.
int connect_to(const addrinfo& address, SteadyTime deadline) {
  const int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return -1;
  if (::connect(socket, address.ai_addr, address.ai_addrlen) == 0) return socket;
  const int error = errno == EINPROGRESS ? wait_until_connected(socket, deadline) : errno;
  if (error == 0) return socket;
  ::close(socket);
  errno = error;
  return -1;
}

}  // namespace

Socket::Socket(const std::string& host, std::uint16_t port, SteadyTime deadline) {
  const Addresses addresses = look_up(host, port);
  int left = 0;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) ++left;
  // Each gets its share of the time: one may be silent, as IPv6 often is.
  for (const addrinfo* one = addresses.get(); one != nullptr && descriptor_ < 0;
       one = one->ai_next) {
    const SteadyTime now = steady_clock::now();
    descriptor_ = connect_to(*one, now + (deadline - now) / left--);
  }
  if (descriptor_ < 0) {
    const std::string why = std::generic_category().message(errno);
    throw ConnectionLost{Error::unavailable, "cannot connect: " + why};
  }
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Socket::wait(bool for_reading, bool for_writing, SteadyTime until) const {
  const int events = (for_reading ? POLLIN : 0) | (for_writing ? POLLOUT : 0);
  wait_for(descriptor_, static_cast<short>(events), until);
}

}  // namespace eventcollect::amqp1
