// Which sites' pages may send events (the Fetch standard's CORS protocol).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collect/origin.hpp"
#include "collect/trusted_proxies.hpp"
#include "eventcollect/http.hpp"

namespace eventcollect::collect {

// Immutable.
class OriginRules {
 public:
  // Our own site's pages always may; `allowed` are the other sites' origins. `proxies` must outlive
  // this object. Throws ConfigError where no browser could send such an origin.
  OriginRules(const std::vector<std::string>& allowed, const TrustedProxies& proxies);

  // The response to a request that a page of another site sent; nothing where it may.
  std::optional<Response> check(const Request& request) const;

  // The response to an OPTIONS request.
  Response preflight(const Request& request) const;

  // Adds the headers that let a page of an allowed origin read the response.
  void add_headers(std::string_view origin, Response& response) const;

 private:
  bool is_allowed(std::string_view origin) const;
  bool is_own_site(const Request& request) const;

  const std::vector<OriginPattern> allowed_;
  const TrustedProxies& proxies_;
};

}  // namespace eventcollect::collect
