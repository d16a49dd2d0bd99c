#include "server/live_routes.hpp"

#include <fmt/format.h>

namespace eventcollect::server {

std::vector<Route> live_routes(const live::Page& page) {
  using Answer = Response (live::Page::*)(const Request&) const;
  const auto get = [&page](std::string_view path, Answer answer) {
    return Route{
        .path = std::string{path},
        .methods = {"GET", "HEAD"},
        .answer = [&page, answer](const Request& request) { return (page.*answer)(request); }};
  };
  std::vector<Route> routes;
  for (const std::string_view path : live::Page::file_paths()) {
    routes.push_back(get(path, &live::Page::file));
  }
  routes.push_back(get("/live/events", &live::Page::events));
  routes.push_back({.path = "/live/check",
                    .methods = {"POST"},
                    .answer = [&page](const Request& request) { return page.check(request); },
                    .max_body_bytes = live::Page::max_check_bytes,
                    .reject = [&page](const Request& request) { return page.reject(request); }});
  return routes;
}

std::string live_link(const http::HostPort& admin, const std::string& public_host) {
  if (!live::is_loopback(admin.host) || !live::is_loopback(public_host)) return {};
  return fmt::format(R"(<br>or on the <a href="http://{0}/live">live page</a>, where you can see )"
                     R"(<a href="http://{0}/live" id="mine">only your own</a>)",
                     admin.text());
}

http::SharedBody with_live_link(http::SharedBody page, std::string_view link) {
  constexpr std::string_view place = "<!--live-->";
  const std::size_t found = page->find(place);
  if (link.empty() || found == std::string::npos) return page;
  std::string linked = *page;
  return std::make_shared<const std::string>(linked.replace(found, place.size(), link));
}

}  // namespace eventcollect::server
