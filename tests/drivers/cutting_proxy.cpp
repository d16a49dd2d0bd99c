#include "support/cutting_proxy.hpp"

#include <doctest/doctest.h>

#include "support/raw_http.hpp"

namespace eventcollect::test {
namespace {

// Sends back what it gets, to one client after another, until the test is over.
class EchoServer {
 public:
  EchoServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    thread_ = std::thread{[this] { run(); }};
  }
  ~EchoServer() { stop(); }
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  // Listens no longer. Waits for the end of the connection that is open.
  void stop() {
    if (!thread_.joinable()) return;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  std::uint16_t port = 0;

 private:
  void run() const {
    int connection = -1;
    while ((connection = ::accept(listener_, nullptr, nullptr)) >= 0) {
      char chunk[4096];
      ssize_t got = 0;
      while ((got = ::recv(connection, chunk, sizeof(chunk), 0)) > 0) {
        if (::send(connection, chunk, static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) break;
      }
      ::close(connection);
    }
  }

  const int listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
  std::thread thread_;
};

// What a client has of `bytes` that it sends byte by byte, waiting for the echo of each.
std::size_t echoes(std::uint16_t port, std::size_t bytes) {
  RawClient client{port};
  std::size_t count = 0;
  while (count < bytes && client.send("x") && client.receive_bytes(1) == "x") ++count;
  return count;
}

TEST_CASE("a proxy passes everything on, both ways") {
  EchoServer server;
  CuttingProxy proxy{"127.0.0.1", server.port};
  std::string sent;
  for (std::size_t i = 0; i < 3'000'000; ++i) sent += static_cast<char>(i * 2'654'435'761U >> 13U);
  {
    RawClient client{proxy.port()};
    std::string received;
    std::thread reader{[&] { received = client.receive_bytes(sent.size()); }};
    CHECK(client.send(sent));
    reader.join();
    CHECK((received == sent));
  }
  CHECK(echoes(proxy.port(), 10) == 10);
  CHECK(proxy.connections() == 2);
  CHECK(proxy.cuts() == 0);
}

TEST_CASE("a cut comes at the very byte, once") {
  EchoServer server;
  CuttingProxy proxy{"127.0.0.1", server.port};
  for (const std::size_t bytes : {1U, 2U, 7U, 10U, 255U}) {
    CAPTURE(bytes);
    const std::size_t before = proxy.bytes();
    proxy.cut_after(bytes);
    // The last echo may be lost with the connection.
    const std::size_t whole = echoes(proxy.port(), 1'000);
    CHECK(whole <= bytes / 2);
    CHECK(whole + 1 >= bytes / 2);
    CHECK(proxy.bytes() - before == bytes);
    CHECK(proxy.cancel_cut());
    CHECK(echoes(proxy.port(), 1'000) == 1'000);
  }
  CHECK(proxy.cuts() == 5);
}

TEST_CASE("a cut that has not come can be called off") {
  EchoServer server;
  CuttingProxy proxy{"127.0.0.1", server.port};
  proxy.cut_after(30);
  CHECK(echoes(proxy.port(), 10) == 10);
  CHECK_FALSE(proxy.cancel_cut());
  CHECK(echoes(proxy.port(), 100) == 100);
  CHECK(proxy.cuts() == 0);
}

TEST_CASE("a cut without any byte closes what is open") {
  EchoServer server;
  CuttingProxy proxy{"127.0.0.1", server.port};
  RawClient client{proxy.port()};
  REQUIRE(client.send("x"));
  REQUIRE(client.receive_bytes(1) == "x");
  proxy.cut_after(0);
  CHECK(client.is_closed());
}

TEST_CASE("a stalled proxy keeps what comes until it is resumed") {
  EchoServer server;
  CuttingProxy proxy{"127.0.0.1", server.port};
  RawClient client{proxy.port()};
  REQUIRE(client.send("before"));
  REQUIRE(client.receive_bytes(6) == "before");
  proxy.stall();
  REQUIRE(client.send("after"));
  RawClient second{proxy.port()};
  CHECK(proxy.bytes() == 12);
  proxy.resume();
  CHECK(client.receive_bytes(5) == "after");
  CHECK(proxy.cuts() == 0);
}

TEST_CASE("where the server rejects, the proxy closes") {
  EchoServer server;
  CuttingProxy proxy{"127.0.0.1", server.port};
  server.stop();
  CHECK(RawClient{proxy.port()}.is_closed());
  CHECK(proxy.connections() == 1);
}

}  // namespace
}  // namespace eventcollect::test
