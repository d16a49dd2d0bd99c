// The endpoint inside a cpp-httplib server (0.11 to 0.53).
//
//   httplib::Server app;
//   Collector events{open_sink("file:events")};
//   mount(app, Endpoint{events});
//   app.listen("127.0.0.1", 8080);
//
// cpp-httplib leaves bodies unread: those of GET, HEAD, OPTIONS and TRACE, those behind a head that
// it rejects, what follows a malformed chunk. It then takes them for the next request, which behind
// a proxy that reuses connections is the request of another visitor (request smuggling). So mount()
// changes the server, for all of its paths:
//
// - After an answer the connection goes on only where the whole request has certainly been read: it
//   had no body, or a Content-Length and all of that was read. Otherwise it closes, also after
//   bodies in chunks, multipart or compressed, and those that a ContentReader of the host has read.
// - A request whose end is ambiguous (two lengths, a length with chunks, a transfer coding other
//   than chunked) is answered with 400.
// - A request without Content-Length and Transfer-Encoding has no body: cpp-httplib would read on
//   until the connection ends. The host's handlers see a Content-Length of 0.
// - Range is ignored in a request with a body.
//
// It does so in the pre-routing and the post-routing handler. Those that the server has already are
// kept and called. Set after mount(), a post-routing handler replaces ours, and then all paths
// answer 500 and say so; a pre-routing handler does likewise, and then the endpoint answers 500 and
// every connection closes after its answer. The host's error handler, exception handler, logger and
// limits are not touched.
//
// How long a body took to come is measured from the end of the head, since cpp-httplib shows no
// earlier byte.
//
// What is left: where stop() is called between the head and the content of an answer that closes
// its connection, the content is cut off, as cpp-httplib does with all content providers: the
// client has to send again. A thread serves one connection at a time, no limit bounds the time of a
// whole request, and bodies for other paths are read and inflated without a bound before a handler
// sees them. A proxy in front that buffers requests makes up for these (examples/embed/README.md).
// And cpp-httplib 0.11 takes trailers behind chunks for a fault: such a request gets 400.
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
#include "eventcollect/httplib_connection.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect {

// Serves `endpoint` at its path, for all methods; every other path, and every 404, stays the
// host's. Several endpoints may be mounted. The collector behind the endpoint has to outlive the
// server. Call it after set_pre_routing_handler() and set_post_routing_handler() and before
// listen(): throws ConfigError where the server is running.
inline void mount(httplib::Server& server, const Endpoint& endpoint);

// The rest of this file is how mount() does it.
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
  AdaptedRequest(const httplib::Request& from, const Endpoint& endpoint) {
    view.method = from.method;
    view.path = from.path;
    const std::size_t mark = from.target.find('?');
    if (mark != std::string::npos) view.query = std::string_view{from.target}.substr(mark + 1);
    view.peer = from.remote_addr;
    for (std::size_t i = 0; i < request_headers.size(); ++i) {
      const RequestHeader& wanted = request_headers[i];
      const bool is_client_ip = wanted.member == &Request::forwarded_for;
      values_[i] = joined(
          from, is_client_ip ? endpoint.options().client_ip_header : std::string{wanted.name});
      view.*wanted.member = values_[i];
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

// Removes these headers from a request for as long as it lives. cpp-httplib, which owns the request
// and shows it to handlers as const, then reads a body as it came: otherwise it would take the end
// of a gzip member for the end of the body, and call a receiver of multipart that is not there.
class UninterpretedBody {
 public:
  explicit UninterpretedBody(const httplib::Request& request)
      : headers_{const_cast<httplib::Headers&>(request.headers)} {
    for (const char* name : {"Content-Encoding", "Content-Type"}) {
      const auto [first, last] = headers_.equal_range(name);
      fields_.insert(fields_.end(), first, last);
      headers_.erase(name);
    }
  }
  ~UninterpretedBody() {
    for (auto& [name, value] : fields_) headers_.emplace(name, std::move(value));
  }
  UninterpretedBody(const UninterpretedBody&) = delete;
  UninterpretedBody& operator=(const UninterpretedBody&) = delete;

 private:
  httplib::Headers& headers_;
  std::vector<std::pair<std::string, std::string>> fields_;
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

inline void drain(const httplib::ContentReader& reader) {
  reader([drain = Drain{}](const char*, std::size_t bytes) mutable { return drain(bytes); });
}

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

inline void answer(httplib::Response& to, const Response& from) {
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

// For the methods whose body cpp-httplib leaves to the handler. The connection closes after each
// answer before which the body is not known to be whole.
inline void serve_with_body(const Endpoint& endpoint, const httplib::Request& from,
                            httplib::Response& to, const httplib::ContentReader& reader) {
  const auto start = std::chrono::steady_clock::now();
  AdaptedRequest adapted{from, endpoint};
  if (!has_body(from)) return answer(to, endpoint.handle(adapted.view));
  const UninterpretedBody uninterpreted{from};
  if (auto early = endpoint.before_body(adapted.view)) {
    drain(reader);
    return answer(to, *early);
  }
  adapted.view.is_admitted = true;
  std::string body;
  switch (read_body(reader, endpoint.options().max_body_bytes, body)) {
    case BodyResult::whole:
      break;
    case BodyResult::too_large:
      return answer(to, endpoint.too_large(adapted.view));
    case BodyResult::broken:
      // It ended too soon, its chunks are malformed, or it exceeds the server's own limit.
      // cpp-httplib has set the status.
      if (to.status == 413) return answer(to, endpoint.too_large(adapted.view));
      return answer(to, {std::max(to.status, 400), {}, {}});
  }
  // cpp-httplib takes a malformed chunk for the last one: nothing behind chunks is trusted.
  if (!is_chunked(from)) note(Progress::body_read, to);
  adapted.view.body = body;
  adapted.view.upload_time = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  answer(to, endpoint.handle(adapted.view));
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
  namespace adapter = httplib_adapter;
  if (server.is_running()) throw ConfigError{"mount() was called after listen(): call it before"};
  adapter::close_unread_connections(server);
  const std::string pattern = adapter::literal_pattern(endpoint.options().path);
  const auto with_body = [endpoint, &server](const httplib::Request& request,
                                             httplib::Response& response,
                                             const httplib::ContentReader& reader) {
    if (!adapter::closes_unread_connections(server)) {
      return adapter::reject_all(server, request, response);
    }
    adapter::serve_with_body(endpoint, request, response, reader);
  };
  const auto without_body = [endpoint, &server](const httplib::Request& request,
                                                httplib::Response& response) {
    if (!adapter::closes_unread_connections(server)) {
      return adapter::reject_all(server, request, response);
    }
    adapter::answer(response, endpoint.handle(adapter::AdaptedRequest{request, endpoint}.view));
  };
  server.Post(pattern, with_body)
      .Put(pattern, with_body)
      .Patch(pattern, with_body)
      .Delete(pattern, with_body)
      .Get(pattern, without_body)
      .Options(pattern, without_body);
}

}  // namespace eventcollect
