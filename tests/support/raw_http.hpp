// A client that sends what it is told, byte by byte if need be, and reads what comes.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace eventcollect::test {

struct RawResponse {
  int status = 0;  // 0: none came
  std::string head;
  std::string body;

  // The value of a header, or nothing.
  std::string header(std::string_view name) const {
    for (std::size_t at = head.find("\r\n"); at != std::string::npos;
         at = head.find("\r\n", at + 2)) {
      const std::size_t begin = at + 2;
      if (head.size() - begin <= name.size() || head[begin + name.size()] != ':') continue;
      if (strncasecmp(head.data() + begin, name.data(), name.size()) != 0) continue;
      const std::size_t value = head.find_first_not_of(' ', begin + name.size() + 1);
      return head.substr(value, head.find("\r\n", value) - value);
    }
    return {};
  }
};

// One connection over loopback. A test whose server does not answer fails instead of hanging.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
    const timeval timeout{30, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  }
  ~RawClient() {
    if (socket_ >= 0) ::close(socket_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False if the server took no more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Goes away as if the machine had died: what is unread and unsent is gone.
  void reset() {
    const linger at_once{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    ::close(std::exchange(socket_, -1));
  }

  // Says that nothing more will come.
  void end_sending() { ::shutdown(socket_, SHUT_WR); }

  // The next response. Its status is 0 if the connection ended before its head did.
  RawResponse receive(bool to_head_request = false) {
    RawResponse response;
    std::size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return response;
    }
    response.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    response.status = std::stoi(response.head.substr(9, 3));
    if (to_head_request || response.status == 100) return response;
    const std::string length = response.header("Content-Length");
    const std::size_t bytes = length.empty() ? std::string::npos : std::stoull(length);
    while (buffer_.size() < bytes && fill()) {
    }
    response.body = buffer_.substr(0, bytes);
    buffer_.erase(0, response.body.size());
    return response;
  }

  // So many bytes, or fewer where the server closes before.
  std::string receive_bytes(std::size_t bytes) {
    while (buffer_.size() < bytes && fill()) {
    }
    std::string received = buffer_.substr(0, bytes);
    buffer_.erase(0, received.size());
    return received;
  }

  // All that still comes until the server closes.
  std::string receive_all() {
    while (fill()) {
    }
    return std::exchange(buffer_, {});
  }

  // Whether the server closes now, without another byte.
  bool is_closed() { return receive_all().empty(); }

  // Whether the server closed without having read everything: such an answer may be lost.
  bool was_reset() const { return was_reset_; }

 private:
  bool fill() {
    char chunk[4096];
    for (;;) {
      const ssize_t received = ::recv(socket_, chunk, sizeof(chunk), 0);
      if (received < 0 && errno == EINTR) continue;
      const bool waited_in_vain = received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      CHECK_FALSE(waited_in_vain);
      was_reset_ = received < 0 && errno == ECONNRESET;
      if (received <= 0) return false;
      buffer_.append(chunk, static_cast<std::size_t>(received));
      return true;
    }
  }

  int socket_;
  std::string buffer_;
  bool was_reset_ = false;
};

}  // namespace eventcollect::test
