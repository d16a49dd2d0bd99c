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
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventcollect/endpoint.hpp"

namespace eventcollect {
namespace httplib_adapter {

// The most that is read of a body that nobody wants, so that its sender can read the answer.
inline constexpr std::size_t most_drained_bytes = std::size_t{8} << 20;
inline constexpr std::chrono::seconds longest_drain{2};

// A pattern that matches `path` alone: cpp-httplib takes paths for regular expressions, and newer
// ones "/:" for a parameter.
inline std::string literal_pattern(std::string_view path) {
  std::string pattern;
  for (const char c : path) {
    if (std::string_view{R"(\^$.|?*+()[]{}:)"}.find(c) != std::string_view::npos) {
      pattern.push_back('\\');
    }
    pattern.push_back(c);
  }
  return pattern;
}

inline std::string_view header(const httplib::Request& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string_view{} : std::string_view{found->second};
}

// Whether a request's headers of the same name are found in the order in which they came: a
// multimap keeps it, an unordered one may turn it round.
inline bool headers_keep_their_order() {
  httplib::Headers headers;
  headers.emplace("a", "first");
  headers.emplace("a", "last");
  return headers.find("a")->second == "first";
}

// A request as the endpoint wants it. Its views are into the one of cpp-httplib, which has to
// outlive it.
class AdaptedRequest {
 public:
  explicit AdaptedRequest(const httplib::Request& from) {
    view.method = from.method;
    view.path = from.path;
    view.peer = from.remote_addr;
    for (std::size_t i = 0; i < request_headers.size(); ++i) {
      const std::string name{request_headers[i].name};
      const bool repeated = from.headers.count(name) > 1;
      view.*request_headers[i].member =
          repeated ? join(from, name, joined_[i]) : header(from, name);
    }
  }
  AdaptedRequest(const AdaptedRequest&) = delete;
  AdaptedRequest& operator=(const AdaptedRequest&) = delete;

  Request view;

 private:
  // Several lines are one list (RFC 9110, section 5.3). Proxies add theirs at the end.
  static std::string_view join(const httplib::Request& from, const std::string& name,
                               std::string& list) {
    static const bool in_order = headers_keep_their_order();
    const auto [first, last] = from.headers.equal_range(name);
    for (auto field = first; field != last; ++field) {
      if (list.empty()) {
        list = field->second;
      } else {
        list.insert(in_order ? list.size() : 0,
                    in_order ? ", " + field->second : field->second + ", ");
      }
    }
    return list;
  }

  std::array<std::string, request_headers.size()> joined_;
};

// Whether there may be more of the request in the connection than its head.
inline bool has_body(const httplib::Request& request) {
  const auto [first, last] = request.headers.equal_range("Content-Length");
  return request.headers.count("Transfer-Encoding") > 0 ||
         std::any_of(first, last, [](const auto& field) { return field.second != "0"; });
}

inline bool is_chunked(const httplib::Request& request) {
  return request.headers.count("Transfer-Encoding") > 0;
}

// Whether all who read the request agree on where it ends (RFC 9112, section 6.3). cpp-httplib
// takes the first of several lengths, knows no coding but "chunked", and reads "5x" as 5.
inline bool is_framed_soundly(const httplib::Request& request) {
  constexpr std::size_t most_digits = 18;
  const bool has_odd_name = std::any_of(
      request.headers.begin(), request.headers.end(),
      [](const auto& field) { return field.first.find_first_of(" \t") != std::string::npos; });
  if (has_odd_name) return false;
  if (is_chunked(request)) {
    std::string coding{header(request, "Transfer-Encoding")};
    for (char& c : coding) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return coding == "chunked" && request.version == "HTTP/1.1" &&
           request.headers.count("Transfer-Encoding") == 1 &&
           request.headers.count("Content-Length") == 0;
  }
  const std::size_t lengths = request.headers.count("Content-Length");
  const std::string_view length = header(request, "Content-Length");
  return lengths == 0 || (lengths == 1 && length.size() <= most_digits &&
                          length.find_first_not_of("0123456789") == std::string_view::npos);
}

// Takes these headers out of a request for as long as it lives. cpp-httplib, which owns the request
// and shows it to handlers as const, then reads a body as it came: by itself it would take the end
// of a gzip member for the end of the body, and call a receiver of multipart that is not there.
class UninterpretedBody {
 public:
  explicit UninterpretedBody(const httplib::Request& request)
      : headers_{const_cast<httplib::Headers&>(request.headers)} {
    for (const char* name : {"Content-Encoding", "Content-Type"}) {
      while (auto field = headers_.extract(name)) fields_.push_back(std::move(field));
    }
  }
  ~UninterpretedBody() {
    for (auto& field : fields_) headers_.insert(std::move(field));
  }
  UninterpretedBody(const UninterpretedBody&) = delete;
  UninterpretedBody& operator=(const UninterpretedBody&) = delete;

 private:
  httplib::Headers& headers_;
  std::vector<httplib::Headers::node_type> fields_;  // views of their values stay valid
};

inline std::string set_head(httplib::Response& to, const Response& from) {
  to.status = from.status;
  std::string type;
  for (const auto& [name, value] : from.headers) {
    if (name == "Content-Type") {
      type = value;
    } else {
      to.set_header(name, value);
    }
  }
  return type;
}

inline void set(httplib::Response& to, const Response& from) {
  const std::string type = set_head(to, from);
  if (!from.body.empty()) to.set_content(from.body, type);
}

// Sends the answer to `request` and closes the connection, so that what is left of the body is
// never taken for the next request. A provider that returns false is how cpp-httplib closes; but an
// answer to HEAD asks none, so such a request passes for another one until then.
inline void set_and_close(const httplib::Request& request, httplib::Response& to, Response from) {
  const std::string type = set_head(to, from);
  to.set_header("Connection", "close");
  to.set_header("Content-Length", std::to_string(from.body.size()));
  std::string& method = const_cast<std::string&>(request.method);
  const bool is_head = method == "HEAD";
  if (is_head) method = "GET";
  to.set_content_provider(
      type, [body = std::move(from.body), &method, is_head](std::size_t, httplib::DataSink& sink) {
        if (is_head) {
          method = "HEAD";
        } else {
          sink.write(body.data(), body.size());
        }
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

// Reads the body as it came, up to `max_bytes`; drains a longer one.
inline Read read_body(const httplib::ContentReader& reader, std::size_t max_bytes,
                      std::string& body) {
  std::optional<Drain> drain;
  const bool whole = reader([&](const char* data, std::size_t bytes) {
    if (!drain && body.size() + bytes > max_bytes) drain.emplace();
    if (drain) return (*drain)(bytes);
    body.append(data, bytes);
    return true;
  });
  if (drain) return Read::too_large;
  return whole ? Read::whole : Read::broken;
}

inline void serve_with_body(const Endpoint& endpoint, const httplib::Request& from,
                            httplib::Response& to, const httplib::ContentReader& reader) {
  const auto broken = [&](int status) { set_and_close(from, to, {status, {}, {}}); };
  if (!is_framed_soundly(from)) return broken(400);
  AdaptedRequest adapted{from};
  if (!has_body(from)) return set(to, endpoint.handle(adapted.view));
  const UninterpretedBody uninterpreted{from};
  if (auto early = endpoint.before_body(adapted.view)) {
    reader([drain = Drain{}](const char*, std::size_t bytes) mutable { return drain(bytes); });
    return set_and_close(from, to, *std::move(early));
  }
  std::string body;
  switch (read_body(reader, endpoint.options().max_body_bytes, body)) {
    case Read::whole:
      break;
    case Read::too_large:
      return set_and_close(from, to, endpoint.too_large(adapted.view));
    case Read::broken:
      // It ended too soon, or its chunks are none. cpp-httplib has set the status.
      return broken(std::max(to.status, 400));
  }
  adapted.view.body = body;
  Response response = endpoint.handle(adapted.view);
  // A malformed chunk passes for the last one in cpp-httplib: nothing behind chunks is trusted.
  if (is_chunked(from)) return set_and_close(from, to, std::move(response));
  set(to, response);
}

inline void serve_without_body(const Endpoint& endpoint, const httplib::Request& from,
                               httplib::Response& to) {
  if (!is_framed_soundly(from)) return set_and_close(from, to, {400, {}, {}});
  Response response = endpoint.handle(AdaptedRequest{from}.view);
  if (has_body(from)) return set_and_close(from, to, std::move(response));
  set(to, response);
}

}  // namespace httplib_adapter

// Serves `endpoint` at its path, for all methods. Call it before the server listens. The collector
// behind the endpoint has to outlive the server.
inline void mount(httplib::Server& server, const Endpoint& endpoint) {
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
