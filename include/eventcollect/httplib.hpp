// The endpoint inside a cpp-httplib server (0.11 or newer).
//
//   httplib::Server app;
//   Collector events{open_sink("file:events")};
//   mount(app, Endpoint{events});
//   app.listen("127.0.0.1", 8080);
//
// Takes the endpoint's path and nothing else: every other path, and every 404, stays the app's.
#pragma once

#include <httplib.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "eventcollect/endpoint.hpp"

namespace eventcollect {
namespace httplib_adapter {

// The most that is read of a body that nobody wants, so that its sender can read the answer.
inline constexpr std::size_t most_drained_bytes = std::size_t{8} << 20;
inline constexpr std::chrono::seconds longest_drain{2};

// A pattern that matches `path` alone: cpp-httplib takes paths for regular expressions.
inline std::string literal_pattern(std::string_view path) {
  std::string pattern;
  for (const char c : path) {
    if (std::string_view{R"(\^$.|?*+()[]{})"}.find(c) != std::string_view::npos) {
      pattern.push_back('\\');
    }
    pattern.push_back(c);
  }
  return pattern;
}

inline std::string_view header(const httplib::Request& request, std::string_view name) {
  const auto found = request.headers.find(std::string{name});
  return found == request.headers.end() ? std::string_view{} : std::string_view{found->second};
}

inline Request to_request(const httplib::Request& from) {
  Request request;
  request.method = from.method;
  request.path = from.path;
  for (const RequestHeader& wanted : request_headers) {
    request.*wanted.member = header(from, wanted.name);
  }
  request.peer = from.remote_addr;
  return request;
}

inline void set(httplib::Response& to, const Response& from) {
  to.status = from.status;
  std::string type;
  for (const auto& [name, value] : from.headers) {
    if (name == "Content-Type") {
      type = value;
    } else {
      to.set_header(name, value);
    }
  }
  if (!from.body.empty()) to.set_content(from.body, type);
}

inline bool has_body(const httplib::Request& request) {
  const std::string_view length = header(request, "Content-Length");
  return !header(request, "Transfer-Encoding").empty() || !(length.empty() || length == "0");
}

// Sends the answer and closes the connection, so that what is left of the body is never taken for
// the next request. A provider that returns false is how cpp-httplib closes.
inline void set_and_close(httplib::Response& to, Response from) {
  // Something has to be left for the provider to send.
  if (from.body.empty()) from.body = "\n";
  std::string body = std::exchange(from.body, {});
  std::string type = "text/plain";
  for (const auto& [name, value] : from.headers) {
    if (name == "Content-Type") type = value;
  }
  set(to, from);
  to.set_header("Connection", "close");
  const std::size_t bytes = body.size();
  to.set_content_provider(
      bytes, type, [body = std::move(body)](std::size_t, std::size_t, httplib::DataSink& sink) {
        sink.write(body.data(), body.size());
        return false;
      });
}

// Reads on and throws away, until the bounds of draining are reached.
class Drain {
 public:
  bool operator()(std::size_t bytes) {
    bytes_ += bytes;
    return bytes_ < most_drained_bytes && std::chrono::steady_clock::now() < end_;
  }

 private:
  std::size_t bytes_ = 0;
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + longest_drain;
};

enum class Read : std::uint8_t { whole, too_large, broken };

// Reads the body, up to `max_bytes` after cpp-httplib has decoded it; drains a longer one.
inline Read read_body(const httplib::ContentReader& reader, std::size_t max_bytes,
                      std::string& body) {
  bool too_large = false;
  Drain drain;
  const bool whole = reader([&](const char* data, std::size_t bytes) {
    too_large = too_large || body.size() + bytes > max_bytes;
    if (too_large) return drain(bytes);
    body.append(data, bytes);
    return true;
  });
  if (too_large) return Read::too_large;
  return whole ? Read::whole : Read::broken;
}

inline void serve_with_body(const Endpoint& endpoint, const httplib::Request& from,
                            httplib::Response& to, const httplib::ContentReader& reader) {
  Request request = to_request(from);
  if (auto early = endpoint.before_body(request)) {
    if (!has_body(from)) return set(to, *early);
    reader([drain = Drain{}](const char*, std::size_t bytes) mutable { return drain(bytes); });
    return set_and_close(to, *std::move(early));
  }
  std::string body;
  switch (read_body(reader, endpoint.options().max_body_bytes, body)) {
    case Read::whole:
      break;
    case Read::too_large:
      return set_and_close(to, endpoint.too_large(request));
    case Read::broken: {
      // It ended too soon, or its framing or coding is broken. cpp-httplib has set the status.
      Response broken;
      broken.status = std::max(to.status, 400);
      return set_and_close(to, std::move(broken));
    }
  }
  request.body = body;
  request.body_is_decoded = true;
  set(to, endpoint.handle(request));
}

inline void serve_without_body(const Endpoint& endpoint, const httplib::Request& from,
                               httplib::Response& to) {
  Response response = endpoint.handle(to_request(from));
  if (has_body(from)) return set_and_close(to, std::move(response));
  set(to, response);
}

}  // namespace httplib_adapter

// Serves `endpoint` at its path, for all methods. Call it before the server listens. The collector
// behind the endpoint has to outlive the server.
inline void mount(httplib::Server& server, Endpoint endpoint) {
  const std::string pattern = httplib_adapter::literal_pattern(endpoint.options().path);
  const auto with_body = [endpoint](const httplib::Request& request, httplib::Response& response,
                                    const httplib::ContentReader& reader) {
    httplib_adapter::serve_with_body(endpoint, request, response, reader);
  };
  const auto without_body = [endpoint](const httplib::Request& request,
                                       httplib::Response& response) {
    httplib_adapter::serve_without_body(endpoint, request, response);
  };
  server.Post(pattern, with_body)
      .Put(pattern, with_body)
      .Patch(pattern, with_body)
      .Delete(pattern, with_body)
      .Get(pattern, without_body)
      .Options(pattern, without_body);
}

}  // namespace eventcollect
