#include "server/http_server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace eventcollect {
namespace {

constexpr int listen_backlog = 1024;
constexpr std::size_t keep_alive_requests = 1'000'000;
constexpr time_t keep_alive_seconds = 5;

}  // namespace

HttpServer::HttpServer(std::size_t threads) {
  app_.new_task_queue = [threads] { return new httplib::ThreadPool{threads}; };
  app_.set_tcp_nodelay(true);
  app_.set_keep_alive_max_count(keep_alive_requests);
  app_.set_keep_alive_timeout(keep_alive_seconds);
  // cpp-httplib's own options share the port with any other server that wants it.
  app_.set_socket_options([this](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    socket_ = socket;
  });
}

HttpServer::~HttpServer() { stop(); }

HostPort HttpServer::start(const HostPort& at) {
  HostPort bound = at;
  errno = 0;
  if (at.port == 0) {
    const int port = app_.bind_to_any_port(at.host);
    bound.port = static_cast<std::uint16_t>(std::max(port, 0));
  } else if (!app_.bind_to_port(at.host, at.port)) {
    bound.port = 0;
  }
  if (bound.port == 0) {
    throw std::runtime_error{
        fmt::format("cannot listen on {}: {}", at.text(),
                    errno != 0 ? std::generic_category().message(errno) : "no such address")};
  }
  // The compiled library listens with a backlog of 5: connections beyond it wait for a second.
  ::listen(socket_, listen_backlog);
  listener_ = std::thread{[this] { app_.listen_after_bind(); }};
  return bound;
}

void HttpServer::stop() {
  if (!listener_.joinable()) return;
  app_.stop();
  listener_.join();
}

}  // namespace eventcollect
