// What is served where: events at the endpoint's path, the rest by cpp-httplib's handlers.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "eventcollect/endpoint.hpp"
#include "http/front.hpp"
#include "server/httplib_bridge.hpp"

namespace eventcollect {

// Pages and the endpoint are added before a front serves it; from then on it is safe from any
// thread.
class Site final : public FrontHandler {
 public:
  using Page = std::function<void(httplib::Response&)>;

  // Serves the endpoint, which has to outlive the site, at its path.
  void add(const Endpoint& endpoint) { endpoint_ = &endpoint; }

  // Serves a page at `path` for GET and HEAD.
  void add(const std::string& path, Page page);

  std::optional<Response> before_body(const FrontRequest& request) override;
  std::size_t max_body_bytes() const override;
  Response too_large(const FrontRequest& request) override;
  void handle(const FrontRequest& request, std::function<void(Response)> respond) override;

 private:
  bool is_for_endpoint(const FrontRequest& request) const;

  const Endpoint* endpoint_ = nullptr;
  std::vector<std::string> pages_;
  HttplibBridge handlers_;
};

}  // namespace eventcollect
