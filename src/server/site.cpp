#include "server/site.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "eventcollect/url.hpp"
#include "http/response.hpp"

namespace eventcollect::server {

Route page_route(std::string path, std::function<http::Answer()> page) {
  return {.path = std::move(path),
          .methods = {"GET", "HEAD"},
          .answer = [page = std::move(page)](const Request&) { return page(); }};
}

Route events_route(std::string path, const Endpoint& endpoint) {
  return {.path = std::move(path), .endpoint = &endpoint};
}

Site::Site(std::vector<Route> routes) : routes_{std::move(routes)} {
  for (const Route& route : routes_) {
    if (find(route.path) == &route) continue;
    throw ConfigError{
        fmt::format("two routes have the path '{}': choose another --path", route.path)};
  }
}

const Route* Site::find(std::string_view path) const {
  const auto found = std::find_if(routes_.begin(), routes_.end(),
                                  [&](const Route& route) { return route.path == path; });
  return found == routes_.end() ? nullptr : &*found;
}

std::optional<http::Answer> Site::before_body(const Request& request) {
  const Route* route = find(request.path);
  if (route == nullptr) return http::plain_response(404, "There is nothing at this path.");
  if (route->endpoint != nullptr) return route->endpoint->before_body(request);
  const auto& methods = route->methods;
  if (std::find(methods.begin(), methods.end(), request.method) != methods.end()) {
    if (route->max_body_bytes == 0) return route->answer(request);
    if (route->reject) return route->reject(request);
    return {};
  }
  Response response =
      http::plain_response(405, fmt::format("Only {} are allowed.", fmt::join(methods, " and ")));
  response.headers.emplace_back("Allow", fmt::format("{}", fmt::join(methods, ", ")));
  return response;
}

// Of a request that is admitted, and so has a body.
std::size_t Site::max_body_bytes(const Route& route) {
  return route.endpoint != nullptr ? route.endpoint->options().max_body_bytes
                                   : route.max_body_bytes;
}

// The largest of all routes: it is asked for before one is known.
std::size_t Site::max_body_bytes() const {
  std::size_t max_bytes = 0;
  for (const Route& route : routes_) max_bytes = std::max(max_bytes, max_body_bytes(route));
  return max_bytes;
}

Response Site::too_large(const Request& request) {
  const Route& route = *find(request.path);
  if (route.endpoint != nullptr) return route.endpoint->too_large(request);
  return http::plain_response(
      413, fmt::format("The body must not exceed {} bytes.", max_body_bytes(route)));
}

void Site::handle(const Request& request, std::function<void(Response)> respond) {
  const Route& route = *find(request.path);
  if (route.endpoint != nullptr) return route.endpoint->handle(request, std::move(respond));
  if (request.body.size() > route.max_body_bytes) return respond(too_large(request));
  http::Answer answer = route.answer(request);
  if (answer.shared_body) answer.response.body = *answer.shared_body;
  respond(std::move(answer.response));
}

}  // namespace eventcollect::server
