#include "collect/origin_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "collect/responses.hpp"
#include "eventcollect/codes.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::collect {

using base::equals_ignoring_case;

namespace {

// What follows the scheme: the part of an origin that is compared with the Host header.
std::string_view host_of(std::string_view origin) {
  const std::size_t slashes = origin.find("://");
  return slashes == std::string_view::npos ? std::string_view{} : origin.substr(slashes + 3);
}

}  // namespace

OriginRules::OriginRules(std::vector<std::string> allowed, const TrustedProxies& proxies)
    : allowed_{std::move(allowed)}, proxies_{proxies} {
  for (const std::string& origin : allowed_) check_allowed_origin(origin);
}

std::optional<Response> OriginRules::check(const Request& request) const {
  if (is_own_site(request) || is_allowed(request.origin)) return {};
  if (host_of(request.origin).empty()) {
    return problem(403, code::origin_rejected, "Origin rejected",
                   "The request comes from another site, and its Origin header is missing or "
                   "names no host.");
  }
  return problem(
      403, code::origin_rejected, "Origin rejected",
      fmt::format("The origin '{}' does not match the Host '{}' and is not allowed. If the page is "
                  "yours, allow its origin with --allow-origin {}. Behind nginx, keep the Host "
                  "with `proxy_set_header Host $http_host;`.",
                  request.origin, request.host, request.origin));
}

Response OriginRules::preflight(const Request& request) const {
  if (request.origin.empty()) return {204, {{"Allow", "POST, OPTIONS"}}, {}};
  if (auto rejected = check(request)) return *std::move(rejected);
  return {204,
          {{"Access-Control-Allow-Methods", "POST"},
           {"Access-Control-Allow-Headers", "Content-Type, Content-Encoding"},
           {"Access-Control-Max-Age", "86400"}},
          {}};
}

void OriginRules::add_headers(std::string_view origin, Response& response) const {
  if (allowed_.empty()) return;
  response.headers.emplace_back("Vary", "Origin");
  if (origin.empty() || !is_allowed(origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", origin);
  response.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
}

bool OriginRules::is_allowed(std::string_view origin) const {
  return std::any_of(allowed_.begin(), allowed_.end(), [&](const std::string& allowed) {
    return equals_ignoring_case(allowed, origin);
  });
}

bool OriginRules::is_own_site(const Request& request) const {
  if (!request.sec_fetch_site.empty()) {
    return request.sec_fetch_site == "same-origin" || request.sec_fetch_site == "none";
  }
  // Browsers send Origin with every cross-site POST.
  if (request.origin.empty()) return true;
  const std::string_view from = host_of(request.origin);
  if (from.empty()) return false;
  if (equals_ignoring_case(from, request.host)) return true;
  return proxies_.contains(request.peer) && equals_ignoring_case(from, request.forwarded_host);
}

void check_allowed_origin(std::string_view origin) {
  const std::string_view host = host_of(origin);
  const bool has_both = !host.empty() && !origin.starts_with("://");
  if (has_both && host.find_first_of("/?#@*, ") == std::string_view::npos) return;
  throw ConfigError{fmt::format(
      "allow-origin: {} is not an origin: give only scheme and host, as in https://example.org",
      base::in_quotes(origin))};
}

}  // namespace eventcollect::collect
