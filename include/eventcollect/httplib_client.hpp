// The browser client in a cpp-httplib server, beside the endpoint that mount() has put there.
//
//   mount(app, endpoint);
//   mount_client(app, endpoint);
#pragma once

#include "eventcollect/client.hpp"
#include "eventcollect/httplib.hpp"

namespace eventcollect {

// Serves client_path() of the endpoint's path, for all methods; mount() says when to call it, and
// what it changes. Throws ConfigError where the server is running.
inline void mount_client(httplib::Server& server, const Endpoint& endpoint) {
  namespace adapter = httplib_adapter;
  if (server.is_running()) {
    throw ConfigError{"mount_client() was called after listen(): call it before"};
  }
  adapter::close_unread_connections(server);
  const auto serve = [endpoint](const httplib::Request& request, httplib::Response& response) {
    const adapter::AdaptedRequest adapted{request, endpoint};
    adapter::answer(response, client_response(adapted.view));
  };
  const auto serve_with_body = [serve](const httplib::Request& request, httplib::Response& response,
                                       const httplib::ContentReader& reader) {
    if (adapter::has_body(request)) {
      const adapter::UninterpretedBody uninterpreted{request};
      adapter::drain(reader);
    }
    serve(request, response);
  };
  const std::string pattern = adapter::literal_pattern(client_path(endpoint.options().path));
  server.Get(pattern, serve)
      .Options(pattern, serve)
      .Post(pattern, serve_with_body)
      .Put(pattern, serve_with_body)
      .Patch(pattern, serve_with_body)
      .Delete(pattern, serve_with_body);
}

}  // namespace eventcollect
