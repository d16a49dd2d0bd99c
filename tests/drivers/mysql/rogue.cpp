// A server that poses as MariaDB, asks for what is none of its business and answers what it likes.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <mysql.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>

#include "eventcollect/mysql.hpp"
#include "eventcollect/open.hpp"
#include "support/directory.hpp"
#include "support/failure.hpp"

namespace eventcollect::test {
namespace {

std::string little_endian(std::size_t value, std::size_t bytes) {
  std::string text;
  for (; bytes > 0; --bytes, value >>= 8) text.push_back(static_cast<char>(value & 0xff));
  return text;
}

std::string packet(std::size_t number, std::string_view payload) {
  return little_endian(payload.size(), 3) + little_endian(number, 1) + std::string{payload};
}

// The first packet of a server, by the protocol's version 10.
std::string greeting() {
  constexpr std::size_t abilities = CLIENT_CONNECT_WITH_DB | CLIENT_LOCAL_FILES |
                                    CLIENT_PROTOCOL_41 | CLIENT_TRANSACTIONS |
                                    CLIENT_SECURE_CONNECTION | CLIENT_PLUGIN_AUTH;
  constexpr std::size_t utf8mb4 = 45;
  return "\x0a" + std::string{"5.5.5-10.11.0-MariaDB"} + '\0' + little_endian(1, 4) + "12345678" +
         '\0' + little_endian(abilities & 0xffff, 2) + little_endian(utf8mb4, 1) +
         little_endian(SERVER_STATUS_AUTOCOMMIT, 2) + little_endian(abilities >> 16, 2) +
         little_endian(21, 1) + std::string(10, '\0') + "123456789012" + '\0' +
         "mysql_native_password" + '\0';
}

// What a server says to a login that is right.
const std::string welcome{"\0\0\0\x02\0\0\0", 7};

// Has the client authenticate by another plugin.
std::string change_to(const std::string& plugin) {
  return '\xfe' + plugin + '\0' + "12345678123456789012" + '\0';
}

std::string error_packet(unsigned code, const std::string& sqlstate_and_message) {
  return '\xff' + little_endian(code, 2) + '#' + sqlstate_and_message;
}

// Talks to one client: answers its login and then its first statement so.
class RogueServer {
 public:
  RogueServer(const std::string& to_login, const std::string& to_statement) {
    socklen_t size = sizeof address_;
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* address = reinterpret_cast<sockaddr*>(&address_);
    REQUIRE(bind(listener_, address, size) == 0);
    REQUIRE(listen(listener_, 1) == 0);
    REQUIRE(getsockname(listener_, address, &size) == 0);
    thread_ = std::thread{[=, this] { serve(to_login, to_statement); }};
  }
  ~RogueServer() {
    shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close(listener_);
  }
  RogueServer(const RogueServer&) = delete;
  RogueServer& operator=(const RogueServer&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

  // All that the client sent after the second answer, once it has gone.
  std::string answer() {
    thread_.join();
    return answer_;
  }

 private:
  void serve(const std::string& to_login, const std::string& to_statement) {
    const int client = accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    std::string bytes(65'536, '\0');
    const auto converse = [&](const std::string& text) {
      const bool is_sent =
          send(client, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
      const ssize_t count = is_sent ? recv(client, bytes.data(), bytes.size(), 0) : 0;
      return bytes.substr(0, count > 0 ? static_cast<std::size_t>(count) : 0);
    };
    const std::string login = converse(packet(0, greeting()));
    if (!login.empty() && !converse(packet(2, to_login)).empty()) {
      answer_ = converse(packet(1, to_statement));
      shutdown(client, SHUT_WR);
      while (const auto count = std::max<ssize_t>(recv(client, bytes.data(), bytes.size(), 0), 0)) {
        answer_.append(bytes, 0, static_cast<std::size_t>(count));
      }
    }
    close(client);
  }

  const int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address_{};
  std::string answer_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a server that asks for a file of ours gets none of it") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("key");
  write_file(path, "our secret key");
  RogueServer rogue{welcome, '\xfb' + path};
  enable_mysql();
  const auto sink = open_sink("mysql://root@" + rogue.host() + "/x?timeout=5s");
  const std::string failure = failure_of([&] { sink->maintain(); });
  CAPTURE(failure);
  CHECK(has(failure, "unavailable: mysql: "));
  CHECK(rogue.answer() == packet(2, ""));  // an empty file
}

TEST_CASE("a server that could have the password decrypted is not given it without TLS") {
  RogueServer rogue{change_to("caching_sha2_password"), ""};
  enable_mysql();
  const auto sink = open_sink("mysql://root:sesame@" + rogue.host() + "/x?timeout=5s");
  const std::string failure = failure_of([&] { sink->maintain(); });
  CAPTURE(failure);
  CHECK(failure.starts_with("misconfigured: mysql: " + rogue.host() + ": "));
  CHECK(has(failure, "set tls=on"));
  CHECK(rogue.answer().empty());
}

TEST_CASE("a server without TLS is misconfigured where TLS is asked for, and gets no login") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("ca");
  write_file(path, "");
  RogueServer rogue{"", ""};
  enable_mysql();
  const auto sink =
      open_sink("mysql://root:sesame@" + rogue.host() + "/x?timeout=5s&tls=on&ca_file=" + path);
  const std::string failure = failure_of([&] { sink->maintain(); });
  CAPTURE(failure);
  CHECK(failure.starts_with("misconfigured: mysql: " + rogue.host() + ": "));
  CHECK(rogue.answer().empty());
}

TEST_CASE("a statement that is too large for the server is misconfigured, not a lost connection") {
  RogueServer rogue{welcome, error_packet(1153, "08S01Got a packet bigger than you may send")};
  enable_mysql();
  const auto sink = open_sink("mysql://root@" + rogue.host() + "/x?timeout=5s");
  const std::string failure = failure_of([&] { sink->maintain(); });
  CAPTURE(failure);
  CHECK(failure.starts_with("misconfigured: mysql: "));
  CHECK(has(failure, "raise its max_allowed_packet"));
}

}  // namespace eventcollect::test
