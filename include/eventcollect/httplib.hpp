// The endpoint inside a cpp-httplib server (0.11 or newer).
//
//   httplib::Server app;
//   Collector events{open_sink("file:events")};
//   mount(app, Endpoint{events});
//   app.listen("127.0.0.1", 8080);
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

// Serves `endpoint` at its path, for all methods. Every other path, and every 404, stays the
// server's. Call it before the server listens. The collector behind the endpoint has to outlive the
// server.
inline void mount(httplib::Server& server, const Endpoint& endpoint);

// The rest of this file is how mount() does it: it makes up for what cpp-httplib reads leniently,
// so that no byte of a body is ever taken for a request.
namespace httplib_adapter {

// Whether headers of the same name are found in the order in which they came: a multimap keeps it,
// an unordered one may reverse it.
inline bool headers_keep_their_order() {
  httplib::Headers headers;
  headers.emplace("a", "first");
  headers.emplace("a", "last");
  return headers.find("a")->second == "first";
}

// A request as the endpoint wants it. Its views are into this and into the one of cpp-httplib,
// which has to outlive it.
class AdaptedRequest {
 public:
  explicit AdaptedRequest(const httplib::Request& from) {
    view.method = from.method;
    view.path = from.path;
    view.peer = from.remote_addr;
    for (std::size_t i = 0; i < request_headers.size(); ++i) {
      values_[i] = joined(from, std::string{request_headers[i].name});
      view.*request_headers[i].member = values_[i];
    }
  }
  AdaptedRequest(const AdaptedRequest&) = delete;
  AdaptedRequest& operator=(const AdaptedRequest&) = delete;

  Request view;

 private:
  // Several lines are one list (RFC 9110, section 5.3). Proxies add theirs at the end.
  static std::string joined(const httplib::Request& from, const std::string& name) {
    static const bool in_order = headers_keep_their_order();
    std::string list;
    const auto [first, last] = from.headers.equal_range(name);
    for (auto field = first; field != last; ++field) {
      if (list.empty()) {
        list = field->second;
      } else if (in_order) {
        list += ", " + field->second;
      } else {
        list.insert(0, field->second + ", ");
      }
    }
    return list;
  }

  std::array<std::string, request_headers.size()> values_;
};

inline std::string_view header(const httplib::Request& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string_view{} : std::string_view{found->second};
}

inline bool is_chunked(const httplib::Request& request) {
  return request.headers.count("Transfer-Encoding") > 0;
}

// Whether more of the request than its head may be in the connection.
inline bool has_body(const httplib::Request& request) {
  const auto [first, last] = request.headers.equal_range("Content-Length");
  return is_chunked(request) ||
         std::any_of(first, last, [](const auto& field) { return field.second != "0"; });
}

inline bool has_odd_header_name(const httplib::Request& request) {
  return std::any_of(request.headers.begin(), request.headers.end(), [](const auto& field) {
    return field.first.find_first_of(" \t") != std::string::npos;
  });
}

// Whether all who read the request agree on where it ends (RFC 9112, section 6.3). cpp-httplib
// takes the first of several lengths, knows no coding but "chunked", and reads "5x" as 5.
inline bool has_clear_end(const httplib::Request& request) {
  if (has_odd_header_name(request)) return false;
  const std::size_t lengths = request.headers.count("Content-Length");
  if (is_chunked(request)) {
    std::string coding{header(request, "Transfer-Encoding")};
    for (char& c : coding) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return coding == "chunked" && request.version == "HTTP/1.1" && lengths == 0 &&
           request.headers.count("Transfer-Encoding") == 1;
  }
  constexpr std::size_t max_digits = 18;
  const std::string_view length = header(request, "Content-Length");
  return lengths == 0 || (lengths == 1 && length.size() <= max_digits &&
                          length.find_first_not_of("0123456789") == std::string_view::npos);
}

// Removes these headers from a request for as long as it lives. cpp-httplib, which owns the request
// and shows it to handlers as const, then reads a body as it came: otherwise it would take the end
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

// Reads on and throws away, so that the client can read its answer, within 8 MiB and 2 s.
class Drain {
 public:
  // Whether there is more to read after so many bytes.
  bool operator()(std::size_t bytes) {
    bytes_ += bytes;
    return bytes_ < max_bytes && std::chrono::steady_clock::now() < end_;
  }

 private:
  static constexpr std::size_t max_bytes = std::size_t{8} << 20;

  std::size_t bytes_ = 0;
  std::chrono::steady_clock::time_point end_ =
      std::chrono::steady_clock::now() + std::chrono::seconds{2};
};

enum class BodyResult : std::uint8_t { whole, too_large, broken };

// Reads the body as it came, up to `max_bytes`; drains a larger one.
inline BodyResult read_body(const httplib::ContentReader& reader, std::size_t max_bytes,
                            std::string& body) {
  std::optional<Drain> drain;
  const bool is_whole = reader([&](const char* data, std::size_t bytes) {
    if (!drain && body.size() + bytes > max_bytes) drain.emplace();
    if (drain) return (*drain)(bytes);
    body.append(data, bytes);
    return true;
  });
  if (drain) return BodyResult::too_large;
  return is_whole ? BodyResult::whole : BodyResult::broken;
}

// Sets all but the body. Returns its type.
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

inline void answer(httplib::Response& to, const Response& from) {
  const std::string type = set_head(to, from);
  if (!from.body.empty()) to.set_content(from.body, type);
}

// Closes the connection after the answer, so that what is left of the body is never taken for the
// next request. A provider that returns false is how cpp-httplib closes; an answer to HEAD calls
// none, so such a request poses as GET until then.
inline void answer_and_close(const httplib::Request& request, httplib::Response& to,
                             Response from) {
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

inline void reject(const httplib::Request& request, httplib::Response& to, int status) {
  answer_and_close(request, to, {status, {}, {}});
}

// For the methods whose body cpp-httplib leaves to the handler.
inline void serve_with_body(const Endpoint& endpoint, const httplib::Request& from,
                            httplib::Response& to, const httplib::ContentReader& reader) {
  if (!has_clear_end(from)) return reject(from, to, 400);
  AdaptedRequest adapted{from};
  if (!has_body(from)) return answer(to, endpoint.handle(adapted.view));
  const UninterpretedBody uninterpreted{from};
  if (auto early = endpoint.before_body(adapted.view)) {
    reader([drain = Drain{}](const char*, std::size_t bytes) mutable { return drain(bytes); });
    return answer_and_close(from, to, *std::move(early));
  }
  adapted.view.is_admitted = true;
  std::string body;
  switch (read_body(reader, endpoint.options().max_body_bytes, body)) {
    case BodyResult::whole:
      break;
    case BodyResult::too_large:
      return answer_and_close(from, to, endpoint.too_large(adapted.view));
    case BodyResult::broken:
      // It ended too soon, or its chunks are malformed. cpp-httplib has set the status.
      return reject(from, to, std::max(to.status, 400));
  }
  adapted.view.body = body;
  Response response = endpoint.handle(adapted.view);
  // cpp-httplib takes a malformed chunk for the last one: nothing behind chunks is trusted.
  if (is_chunked(from)) return answer_and_close(from, to, std::move(response));
  answer(to, response);
}

// For the methods whose body cpp-httplib does not read.
inline void serve_without_body(const Endpoint& endpoint, const httplib::Request& from,
                               httplib::Response& to) {
  if (!has_clear_end(from)) return reject(from, to, 400);
  Response response = endpoint.handle(AdaptedRequest{from}.view);
  if (has_body(from)) return answer_and_close(from, to, std::move(response));
  answer(to, response);
}

// A pattern that matches `path` alone: cpp-httplib takes paths for regular expressions, and newer
// releases take "/:" for a parameter.
inline std::string literal_pattern(std::string_view path) {
  std::string pattern;
  for (const char c : path) {
    const bool is_special =
        std::string_view{R"(\^$.|?*+()[]{}:)"}.find(c) != std::string_view::npos;
    if (is_special) pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern;
}

}  // namespace httplib_adapter

void mount(httplib::Server& server, const Endpoint& endpoint) {
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
