#include "collect/origin_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "collect/responses.hpp"
#include "eventcollect/codes.hpp"
#include "json/text.hpp"

namespace eventcollect::collect {

using base::is_blank;
using base::is_token_character;
using base::trim_blanks;

namespace {

constexpr std::size_t max_echoed_bytes = 4 << 10;

// What a preflight asks for, where that is a list of names.
std::string allowed_headers(std::string_view requested) {
  const bool is_list = requested.size() <= max_echoed_bytes &&
                       std::all_of(requested.begin(), requested.end(), [](char c) {
                         return is_token_character(c) || is_blank(c) || c == ',';
                       });
  if (requested.empty() || !is_list) return "Content-Type, Content-Encoding";
  return std::string{requested};
}

}  // namespace

OriginRules::OriginRules(const std::vector<std::string>& allowed, const TrustedProxies& proxies)
    : allowed_(allowed.begin(), allowed.end()), proxies_{proxies} {}

std::optional<Response> OriginRules::check(const Request& request) const {
  if (is_own_site(request) || is_allowed(request.origin)) return {};
  if (!Origin::parse(request.origin)) {
    return problem(403, code::origin_rejected, "Origin rejected",
                   "The request comes from another site, and its Origin header is missing or "
                   "names no host.");
  }
  constexpr std::size_t max_shown_bytes = 256;
  const std::string origin = json::shorten(request.origin, max_shown_bytes);
  return problem(
      403, code::origin_rejected, "Origin rejected",
      fmt::format("The origin '{}' does not match the Host '{}' and is not allowed. If the page is "
                  "yours, allow its origin with --allow-origin {}. Behind nginx, keep the Host "
                  "with `proxy_set_header Host $http_host;`.",
                  origin, json::shorten(request.host, max_shown_bytes), origin));
}

Response OriginRules::preflight(const Request& request) const {
  if (request.origin.empty()) return {204, {{"Allow", "POST, OPTIONS"}}, {}};
  if (auto rejected = check(request)) return *std::move(rejected);
  return {204,
          {{"Access-Control-Allow-Methods", "POST"},
           {"Access-Control-Allow-Headers", allowed_headers(request.requested_headers)},
           {"Access-Control-Max-Age", "86400"}},
          {}};
}

void OriginRules::add_headers(std::string_view origin, Response& response) const {
  if (allowed_.empty()) return;
  response.headers.emplace_back("Vary", "Origin");
  if (origin.empty() || !is_allowed(origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", origin);
  // Browsers send beacons with credentials, and drop them without this.
  response.headers.emplace_back("Access-Control-Allow-Credentials", "true");
  response.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
}

bool OriginRules::is_allowed(std::string_view origin) const {
  return std::any_of(allowed_.begin(), allowed_.end(),
                     [&](const OriginPattern& allowed) { return allowed.matches(origin); });
}

bool OriginRules::is_own_site(const Request& request) const {
  if (!request.sec_fetch_site.empty()) {
    return request.sec_fetch_site == "same-origin" || request.sec_fetch_site == "none";
  }
  // Browsers send Origin with every cross-site POST.
  if (request.origin.empty()) return true;
  const auto from = Origin::parse(request.origin);
  if (!from) return false;
  if (from->is_at(request.host)) return true;
  // Each proxy may add its own: the first is what the browser asked for.
  const std::string_view hosts = request.forwarded_host;
  return proxies_.contains(request.peer) &&
         from->is_at(trim_blanks(hosts.substr(0, hosts.find(','))));
}

}  // namespace eventcollect::collect
