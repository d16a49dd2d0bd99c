// A backend on cpp-httplib with our endpoint in it, and the requests that it gets.
//
//   HttplibApp app;
//   RawClient client{app.port()};
//   client.send(post(one_event));
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "eventcollect/httplib_client.hpp"
#include "eventcollect/memory.hpp"
#include "support/events.hpp"
#include "support/wait.hpp"

namespace eventcollect::test {

inline const std::string one_event = R"({"event":"clicked_event","properties":{"x":1}})";

inline constexpr std::chrono::milliseconds default_timeout = std::chrono::seconds{20};

// What the host sends piece by piece at /sized.
inline constexpr std::string_view sized = "of known size";

// A backend with our endpoint in it, and a page that no request may reach through the endpoint.
class HttplibApp {
 public:
  // `timeout` is how long the server waits for more of a request, and for the next one.
  explicit HttplibApp(EndpointOptions options = {},
                      std::chrono::milliseconds timeout = default_timeout)
      : collector_{sink_, {.clock = &clock_}}, endpoint_{collector_, std::move(options)} {
    mount(server_, endpoint_);
    mount_client(server_, endpoint_);
    server_.Get("/secret", [this](const httplib::Request&, httplib::Response& response) {
      ++secrets_;
      response.set_content("secret", "text/plain");
    });
    server_.Get("/page", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("page", "text/plain");
    });
    server_.Get("/sized", [](const httplib::Request&, httplib::Response& response) {
      response.set_content_provider(
          sized.size(), "text/plain",
          [](std::size_t offset, std::size_t bytes, httplib::DataSink& sink) {
            return sink.write(sized.data() + offset, std::min<std::size_t>(bytes, 3));
          });
    });
    server_.Get("/stream", [](const httplib::Request&, httplib::Response& response) {
      response.set_chunked_content_provider("text/plain", [](std::size_t, httplib::DataSink& sink) {
        sink.write("stream", 6);
        sink.done();
        return true;
      });
    });
    server_.Put("/reader", [](const httplib::Request&, httplib::Response& response,
                              const httplib::ContentReader&) {
      response.set_content("unread", "text/plain");
    });
    server_.Post("/upload", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content("upload of " + std::to_string(request.body.size()), "text/plain");
    });
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (response.status == 404) response.set_content("the host's own 404", "text/plain");
    });
    server_.set_keep_alive_max_count(1000);
    server_.set_read_timeout(timeout);
    server_.set_keep_alive_timeout(std::chrono::ceil<std::chrono::seconds>(timeout).count());
    port_ = static_cast<std::uint16_t>(server_.bind_to_any_port("127.0.0.1"));
    thread_ = std::thread{[this] { server_.listen_after_bind(); }};
    wait_until([&] { return server_.is_running(); });
  }
  ~HttplibApp() { stop(); }
  HttplibApp(const HttplibApp&) = delete;
  HttplibApp& operator=(const HttplibApp&) = delete;

  // Returns when all connections have ended.
  void stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return port_; }
  std::vector<std::string> lines() const { return sink_->lines(); }
  int secrets() const { return secrets_; }
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  const ManualClock clock_{some_time};
  std::shared_ptr<MemorySink> sink_ = std::make_shared<MemorySink>();
  Collector collector_;
  Endpoint endpoint_;
  httplib::Server server_;
  std::atomic<int> secrets_{0};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

inline std::string with_length(std::string_view start, std::string_view headers,
                               std::string_view body) {
  return fmt::format("{} HTTP/1.1\r\nHost: example.org\r\n{}Content-Length: {}\r\n\r\n{}", start,
                     headers, body.size(), body);
}

inline std::string chunks_of(std::string_view body, std::size_t chunk_bytes) {
  std::string out;
  while (!body.empty()) {
    const std::string_view chunk = body.substr(0, chunk_bytes);
    out += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
    body.remove_prefix(chunk.size());
  }
  return out + "0\r\n\r\n";
}

inline std::string with_chunks(std::string_view start, std::string_view headers,
                               std::string_view body, std::size_t chunk_bytes) {
  return fmt::format("{} HTTP/1.1\r\nHost: example.org\r\n{}Transfer-Encoding: chunked\r\n\r\n{}",
                     start, headers, chunks_of(body, chunk_bytes));
}

inline constexpr std::string_view json_type = "Content-Type: application/json\r\n";

inline std::string post(std::string_view body, std::string_view headers = json_type) {
  return with_length("POST /events", headers, body);
}

inline std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

// A body that is nothing but requests, so that wherever a server begins to take it for requests, it
// soon finds one.
inline std::string smuggled(std::size_t bytes) {
  const std::string request = "GET /secret HTTP/1.1\r\nHost: example.org\r\n\r\n";
  std::string body;
  while (body.size() < bytes) body += request;
  return body;
}

}  // namespace eventcollect::test
