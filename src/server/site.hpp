// What the server serves: a table of routes.
//
//   Site site{{events_route("/events", endpoint), page_route("/healthz", [] { return text(200,
//   "ok\n"); })}}; http::Front front{site, threads};
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/endpoint.hpp"
#include "http/handler.hpp"

namespace eventcollect::server {

struct Route {
  std::string path;
  std::vector<std::string_view> methods{};  // all others are answered with 405
  std::function<http::Answer(const Request&)> answer{};
  // Of a request's body, without which `answer` is not asked. 0: a body is of no interest to it.
  std::size_t max_body_bytes = 0;
  // Asked before a body is read: the answer to those who may not send one.
  std::function<std::optional<Response>(const Request&)> reject{};
  // Takes requests of any method, with their bodies, in place of `answer`.
  const Endpoint* endpoint = nullptr;
};

// For GET and HEAD.
Route page_route(std::string path, std::function<http::Answer()> page);

// The endpoint has to outlive the route, which reads nothing of it before a request comes.
Route events_route(std::string path, const Endpoint& endpoint);

// Safe from any thread, if its routes are.
class Site final : public http::Handler {
 public:
  // Throws ConfigError where two routes have the same path.
  explicit Site(std::vector<Route> routes);

  std::optional<http::Answer> before_body(const Request& request) override;
  std::size_t max_body_bytes() const override;
  Response too_large(const Request& request) override;
  void handle(const Request& request, std::function<void(Response)> respond) override;

 private:
  const Route* find(std::string_view path) const;
  static std::size_t max_body_bytes(const Route& route);

  const std::vector<Route> routes_;
};

}  // namespace eventcollect::server
