// A TCP proxy in front of a real server, which a test makes fail as networks do.
//
//   CuttingProxy proxy{"127.0.0.1", port};
//   connect_to(proxy.port());
//   proxy.cut_after(random() % 10'000);    // closes all connections after so many bytes more
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace eventcollect::test {

// Listens on a free port of 127.0.0.1. Each connection is passed on to one of its own to the
// server; where that rejects, the client's is closed. All functions are safe from any thread.
class CuttingProxy {
 public:
  CuttingProxy(std::string host, std::uint16_t port) : host_{std::move(host)}, server_port_{port} {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    const bool listens =
        ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        ::listen(listener_.get(), 128) == 0 &&
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
    if (!listens) throw std::runtime_error{"the proxy cannot listen"};
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { run(); }};
  }

  ~CuttingProxy() {
    change([this] { is_ending_ = true; });
    thread_.join();
  }
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  std::uint16_t port() const { return port_; }

  // Closes all connections, to both sides, when so many bytes more have come in from either side
  // (0: now). Those are still passed on, as far as the receiver takes them at once. Once only:
  // connections made after the cut are whole.
  void cut_after(std::size_t bytes) {
    change([this, bytes] { bytes_left_ = bytes; });
  }

  // Never mind the cut that has not come yet. Says whether it had come.
  bool cancel_cut() {
    bool had_come = false;
    change([&] { had_come = std::exchange(bytes_left_, no_cut) == no_cut; });
    return had_come;
  }

  // Passes nothing on from now on, and keeps all connections, new ones too.
  void stall() {
    change([this] { is_stalled_ = true; });
  }
  void resume() {
    change([this] { is_stalled_ = false; });
  }

  // So far: connections accepted, cuts done, bytes that came in from either side.
  std::size_t connections() const { return locked(connections_); }
  std::size_t cuts() const { return locked(cuts_); }
  std::size_t bytes() const { return locked(bytes_); }

 private:
  static constexpr std::size_t no_cut = std::numeric_limits<std::size_t>::max();

  // A descriptor that is closed with its owner.
  class Descriptor {
   public:
    explicit Descriptor(int value) : value_{value} {}
    Descriptor(Descriptor&& other) noexcept : value_{std::exchange(other.value_, -1)} {}
    Descriptor& operator=(Descriptor&& other) = delete;
    ~Descriptor() {
      if (value_ >= 0) ::close(value_);
    }
    int get() const { return value_; }

   private:
    int value_;
  };

  // One end of a connection, and what it is still to get.
  struct End {
    explicit End(Descriptor socket_) : socket{std::move(socket_)} {}
    Descriptor socket;
    std::string pending{};
  };

  struct Link {
    Link(Descriptor client, Descriptor server)
        : ends{End{std::move(client)}, End{std::move(server)}} {}
    End ends[2];
    bool is_over = false;
  };

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  template <typename Value>
  Value locked(const Value& value) const {
    const std::lock_guard lock{mutex_};
    return value;
  }

  template <typename Change>
  void change(const Change& apply) {
    {
      const std::lock_guard lock{mutex_};
      apply();
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
  }

  void run() {
    std::vector<pollfd> polled;
    for (;;) {
      {
        const std::lock_guard lock{mutex_};
        if (is_ending_) return;
        if (bytes_left_ == 0) cut();
        list_descriptors(polled);
      }
      if (::poll(polled.data(), polled.size(), -1) < 0) continue;
      std::uint64_t ignored = 0;
      if (polled[0].revents != 0 && ::read(wake_.get(), &ignored, sizeof(ignored)) < 0) continue;
      const std::lock_guard lock{mutex_};
      if (polled[1].revents != 0) accept_one();
      if (is_stalled_) continue;
      for (Link& link : links_) {
        if (bytes_left_ == 0) break;
        serve(link);
      }
      links_.remove_if([](const Link& link) { return link.is_over; });
    }
  }

  void list_descriptors(std::vector<pollfd>& polled) const {
    polled.assign({{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}});
    if (is_stalled_) return;
    for (const Link& link : links_) {
      for (const int side : {0, 1}) {
        // No more is read from a side than the other takes.
        const bool reads = link.ends[1 - side].pending.empty();
        const bool writes = !link.ends[side].pending.empty();
        const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
        // poll() tells of a hang-up even where nothing is asked for, and would never wait.
        const int socket = events == 0 ? -1 : link.ends[side].socket.get();
        polled.push_back({socket, static_cast<short>(events), 0});
      }
    }
  }

  void accept_one() {
    Descriptor client{::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (client.get() < 0) return;
    ++connections_;
    Descriptor server = connect_to_server();
    if (server.get() < 0) return;
    for (const int socket : {client.get(), server.get()}) {
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    links_.emplace_back(std::move(client), std::move(server));
  }

  Descriptor connect_to_server() const {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host_.c_str(), std::to_string(server_port_).c_str(), &hints, &found) != 0) {
      return Descriptor{-1};
    }
    int socket = -1;
    for (const addrinfo* one = found; one != nullptr && socket < 0; one = one->ai_next) {
      socket = ::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (socket >= 0 && ::connect(socket, one->ai_addr, one->ai_addrlen) == 0) break;
      ::close(std::exchange(socket, -1));
    }
    ::freeaddrinfo(found);
    if (socket >= 0) ::fcntl(socket, F_SETFL, O_NONBLOCK);
    return Descriptor{socket};
  }

  // Moves what there is, both ways, without waiting.
  void serve(Link& link) {
    for (const int side : {0, 1}) {
      End& from = link.ends[side];
      End& to = link.ends[1 - side];
      send_pending(to, link);
      if (!to.pending.empty() || bytes_left_ == 0) continue;
      char chunk[16 << 10];
      const ssize_t got =
          ::recv(from.socket.get(), chunk, std::min(sizeof(chunk), bytes_left_), MSG_DONTWAIT);
      if (got > 0) {
        to.pending.assign(chunk, static_cast<std::size_t>(got));
        bytes_ += to.pending.size();
        if (bytes_left_ != no_cut) bytes_left_ -= to.pending.size();
        send_pending(to, link);
      } else if (got == 0 || !is_temporary(errno)) {
        link.is_over = true;
      }
    }
  }

  static void send_pending(End& to, Link& link) {
    if (to.pending.empty()) return;
    const ssize_t sent =
        ::send(to.socket.get(), to.pending.data(), to.pending.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) to.pending.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && !is_temporary(errno)) link.is_over = true;
  }

  static bool is_temporary(int error) { return error == EAGAIN || error == EINTR; }

  void cut() {
    links_.clear();
    bytes_left_ = no_cut;
    ++cuts_;
  }

  const std::string host_;
  const std::uint16_t server_port_;
  std::uint16_t port_ = 0;
  const Descriptor listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const Descriptor wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  mutable std::mutex mutex_;
  std::list<Link> links_;
  std::size_t bytes_left_ = no_cut;
  std::size_t connections_ = 0;
  std::size_t cuts_ = 0;
  std::size_t bytes_ = 0;
  bool is_stalled_ = false;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace eventcollect::test
