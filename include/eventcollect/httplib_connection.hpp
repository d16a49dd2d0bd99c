// A part of httplib.hpp, for nothing else: closes the connections of a cpp-httplib server whose
// request has not been read whole.
#pragma once

#include <httplib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace eventcollect::httplib_adapter {

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

// How far a request is known to have been read. A head that cpp-httplib rejects gets no further
// than `nothing`, since no pre-routing handler is called.
enum class Progress : std::uint8_t { nothing, head_read, body_read };

// It is kept in a field of the response that only cpp-httplib's client uses.
inline void note(Progress progress, httplib::Response& response) {
  response.location.assign(static_cast<std::size_t>(progress), '+');
}

inline Progress progress(const httplib::Response& response) {
  return static_cast<Progress>(std::min<std::size_t>(response.location.size(), 2));
}

// Whether no byte of the request is left in the connection.
inline bool is_read_whole(const httplib::Request& request, const httplib::Response& response) {
  switch (progress(response)) {
    case Progress::body_read:
      return true;
    case Progress::head_read:
      // cpp-httplib has read the body into the request where it looked for one. What it has
      // inflated may be as long as the body was without being all of it.
      return !has_body(request) ||
             (!is_chunked(request) && request.headers.count("Content-Encoding") == 0 &&
              header(request, "Content-Length") == std::to_string(request.body.size()));
    case Progress::nothing:
      break;
  }
  return false;
}

// The same content, but the call that ends it returns false, which is how cpp-httplib closes.
inline httplib::ContentProvider failing_at_the_end(httplib::ContentProvider content) {
  return [content = std::move(content)](std::size_t offset, std::size_t length, auto& sink) {
    bool is_done = false;
    const auto done = sink.done;
    sink.done = [&] {
      is_done = true;
      done();
    };
    if constexpr (requires { sink.done_with_trailer; }) {
      sink.done_with_trailer = [&sink](const auto&) { sink.done(); };  // trailers may be dropped
    }
    const bool is_written = content(offset, length, sink);
    sink.done = done;
    return is_written && !is_done;
  };
}

// The same content of so many bytes, but a further call returns false.
inline httplib::ContentProvider failing_after(std::size_t bytes, httplib::ContentProvider content) {
  return [bytes, content = std::move(content)](std::size_t offset, std::size_t length,
                                               httplib::DataSink& sink) {
    return offset < bytes && content(offset, std::min(length, bytes - offset), sink);
  };
}

// cpp-httplib replaces handlers without a word and tells neither which it has nor whether it is
// stopping, so these look at its own members, for which C++ leaves explicit instantiations as the
// one way.
httplib::Server::HandlerWithResponse& pre_routing_handler(httplib::Server& server);
httplib::Server::Handler& post_routing_handler(httplib::Server& server);
bool is_stopping(const httplib::Server& server);

template <auto pre_routing, auto post_routing, auto socket>
struct Members {
  friend httplib::Server::HandlerWithResponse& pre_routing_handler(httplib::Server& server) {
    return server.*pre_routing;
  }
  friend httplib::Server::Handler& post_routing_handler(httplib::Server& server) {
    return server.*post_routing;
  }
  friend bool is_stopping(const httplib::Server& server) {
    return server.*socket == INVALID_SOCKET;
  }
};
template struct Members<&httplib::Server::pre_routing_handler_,
                        &httplib::Server::post_routing_handler_, &httplib::Server::svr_sock_>;

// Has the connection closed after the response, which is complete but for these headers.
inline void close_after(const httplib::Server& server, const httplib::Request& request,
                        httplib::Response& response) {
  response.headers.erase("Keep-Alive");
  response.headers.erase("Connection");
  response.set_header("Connection", "close");
  if (!response.content_provider_ && !response.has_header("Content-Length")) {
    response.set_header("Content-Length", std::to_string(response.body.size()));
  }
  // While it stops, it closes anyway, and of the content it sends only what is in the body.
  if (is_stopping(server)) return;
  if (request.method == "HEAD") {
    // Nothing is asked for the content of an answer to HEAD, so the request poses as GET until
    // then.
    std::string& method = const_cast<std::string&>(request.method);
    method = "GET";
    response.content_provider_ = [&method](std::size_t, std::size_t, httplib::DataSink&) {
      method = "HEAD";
      return false;
    };
    response.content_length_ = 0;
    response.is_chunked_content_provider_ = false;
  } else if (!response.content_provider_) {
    response.content_provider_ = [body = std::exchange(response.body, {})](
                                     std::size_t, std::size_t, httplib::DataSink& sink) {
      sink.write(body.data(), body.size());
      return false;
    };
  } else if (response.content_length_ > 0) {
    response.content_provider_ =
        failing_after(response.content_length_++, std::move(response.content_provider_));
  } else {
    response.content_provider_ = failing_at_the_end(std::move(response.content_provider_));
  }
  response.body.clear();
}

// cpp-httplib adds its own to what the host says. It closes where either says so.
inline void say_connection_once(httplib::Response& response) {
  const auto [first, last] = response.headers.equal_range("Connection");
  const bool is_close =
      std::any_of(first, last, [](const auto& field) { return field.second == "close"; });
  const std::string value = is_close ? "close" : first->second;
  response.headers.erase("Connection");
  response.set_header("Connection", value);
}

inline bool closes_unread_connections(httplib::Server& server);

// The answer where the host has replaced one of our handlers.
inline void reject_all(const httplib::Server& server, const httplib::Request& request,
                       httplib::Response& response) {
  response.status = 500;
  response.set_content(
      "eventcollect: set_pre_routing_handler() or set_post_routing_handler() was called after "
      "mount(): call it before mount(), which keeps it\n",
      "text/plain");
  close_after(server, request, response);
}

// The server's pre-routing handler. cpp-httplib owns the request and shows it to handlers as const.
struct BeforeRouting {
  httplib::Server& server;
  httplib::Server::HandlerWithResponse of_host;

  httplib::Server::HandlerResponse operator()(const httplib::Request& request,
                                              httplib::Response& response) const {
    // No path is safe without our other handler.
    if (!closes_unread_connections(server)) {
      reject_all(server, request, response);
      return httplib::Server::HandlerResponse::Handled;
    }
    // PRI begins HTTP/2: older releases read all that follows as its body.
    if (!has_clear_end(request) || request.method == "PRI") {
      response.status = 400;
      return httplib::Server::HandlerResponse::Handled;
    }
    note(Progress::head_read, response);
    auto& own = const_cast<httplib::Request&>(request);
    if (has_body(request)) {
      // A part of a content cannot be made to fail after its end.
      own.ranges.clear();
    } else if (request.method != "GET" && request.method != "HEAD" &&
               request.headers.count("Content-Length") == 0) {
      own.headers.emplace("Content-Length", "0");
    }
    return of_host ? of_host(request, response) : httplib::Server::HandlerResponse::Unhandled;
  }
};

// Its post-routing handler, which sees every answer before it is written.
struct AfterRouting {
  httplib::Server& server;
  httplib::Server::Handler of_host;

  void operator()(const httplib::Request& request, httplib::Response& response) const {
    if (of_host) of_host(request, response);
    // Newer releases say that they close after an error, and then don't.
    const bool is_said = response.has_header("Connection");
    if (!is_read_whole(request, response) || (is_said && response.status >= 400)) {
      close_after(server, request, response);
    } else if (is_said) {
      say_connection_once(response);
    }
  }
};

inline bool closes_unread_connections(httplib::Server& server) {
  return pre_routing_handler(server).target<BeforeRouting>() != nullptr &&
         post_routing_handler(server).target<AfterRouting>() != nullptr;
}

inline void close_unread_connections(httplib::Server& server) {
  if (closes_unread_connections(server)) return;
  server.set_pre_routing_handler(BeforeRouting{server, pre_routing_handler(server)});
  server.set_post_routing_handler(AfterRouting{server, post_routing_handler(server)});
}

}  // namespace eventcollect::httplib_adapter
