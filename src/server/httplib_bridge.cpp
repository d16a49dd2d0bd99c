#include "server/httplib_bridge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace eventcollect {
namespace {

// One request in memory. It overrides what cpp-httplib's Stream has in any of the versions that we
// know, so that not every function overrides one; what is written goes nowhere.
class RequestStream final : public httplib::Stream {
 public:
  explicit RequestStream(std::string_view request) : left_{request} {}

  // NOLINTBEGIN(modernize-use-override)
  bool is_readable() const { return true; }
  bool is_writable() const { return true; }
  bool wait_readable() const { return true; }
  bool wait_writable() const { return true; }
  time_t duration() const { return 0; }
  ssize_t read(char* out, std::size_t bytes) {
    const std::size_t taken = left_.copy(out, bytes);
    left_.remove_prefix(taken);
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char*, std::size_t bytes) { return static_cast<ssize_t>(bytes); }
  void get_remote_ip_and_port(std::string& ip, int& port) const {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const {
    ip.clear();
    port = 0;
  }
  socket_t socket() const { return INVALID_SOCKET; }
  // NOLINTEND(modernize-use-override)

 private:
  std::string_view left_;
};

Response to_response(const httplib::Response& from) {
  Response response;
  response.status = std::max(from.status, 0);
  response.body = from.body;
  for (const auto& [name, value] : from.headers) {
    const bool is_of_the_connection =
        name == "Connection" || name == "Keep-Alive" || name == "Content-Length";
    if (!is_of_the_connection) response.headers.emplace_back(name, value);
  }
  return response;
}

// Where the response of the request that this thread is processing goes.
thread_local Response* answered = nullptr;

}  // namespace

HttplibBridge::HttplibBridge() {
  set_post_routing_handler([](const httplib::Request&, httplib::Response& response) {
    if (answered != nullptr) *answered = to_response(response);
  });
}

// A template, so that the call which this version of cpp-httplib does not have is not compiled.
template <typename Self>
void HttplibBridge::process(Self& self, httplib::Stream& stream) {
  bool closed = false;
  if constexpr (requires { self.process_request(stream, true, closed, nullptr); }) {
    self.process_request(stream, true, closed, nullptr);
  } else {
    std::string ip;
    int port = 0;
    stream.get_remote_ip_and_port(ip, port);
    self.process_request(stream, ip, port, std::string{}, 0, true, closed, nullptr);
  }
}

Response HttplibBridge::answer(std::string_view method, std::string_view path) {
  const std::string request =
      fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n\r\n", method, path);
  Response response;
  response.status = 400;  // unless a handler says otherwise
  RequestStream stream{request};
  answered = &response;
  process(*this, stream);
  answered = nullptr;
  return response;
}

}  // namespace eventcollect
