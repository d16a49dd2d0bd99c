#include "live/access.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.hpp"
#include "base/ip_network.hpp"
#include "base/printable.hpp"
#include "eventcollect/url.hpp"
#include "http/response.hpp"

namespace eventcollect::live {

using base::equals_ignoring_case;
using base::Network;
using http::plain_response;

namespace {

// Takes the same time wherever the first difference is, so that the token cannot be guessed piece
// by piece.
bool equals_in_constant_time(std::string_view given, std::string_view secret) {
  std::size_t difference = given.size() ^ secret.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i] ^ secret[i % secret.size()]);
  }
  return difference == 0;
}

// And what is below it: all of that is loopback (RFC 6761, section 6.3).
bool is_localhost(std::string_view host) {
  const std::string_view last_label = host.substr(host.rfind('.') + 1);
  return equals_ignoring_case(last_label, "localhost");
}

}  // namespace

bool Access::is_ours(std::string_view host_and_port) const {
  if (Network::parse_peer(host_and_port)) return true;
  std::string_view host = host_and_port.substr(0, host_and_port.rfind(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return is_localhost(host) || equals_ignoring_case(host, host_);
}

bool Access::has_token(std::string_view authorization) const {
  if (token_.empty()) return true;
  constexpr std::string_view scheme = "Bearer ";
  if (!equals_ignoring_case(authorization.substr(0, scheme.size()), scheme)) return false;
  return equals_in_constant_time(authorization.substr(scheme.size()), token_);
}

std::optional<Response> Access::reject_page(const Request& request) const {
  if (is_ours(request.host)) return {};
  return plain_response(403,
                        fmt::format("The live page is not served under {}: open it under an IP "
                                    "address, localhost, or the name in --admin.",
                                    base::in_quotes(request.host)));
}

std::optional<Response> Access::reject_data(const Request& request) const {
  if (auto rejected = reject_page(request)) return rejected;
  const std::string_view site = request.sec_fetch_site;
  if (!site.empty() && site != "same-origin" && site != "none") {
    return plain_response(403, "Events are shown to the live page only, not to pages of others.");
  }
  if (has_token(request.authorization)) return {};
  Response response = plain_response(401, "The token is missing or wrong.");
  response.headers.emplace_back("WWW-Authenticate", R"(Bearer realm="live")");
  return response;
}

bool is_loopback(const std::string& host) {
  const auto address = Network::parse(host);
  return host == "localhost" || (address && address->is_loopback());
}

void check_access(const std::string& host, const std::string& token) {
  if (token.empty()) {
    if (is_loopback(host)) return;
    throw ConfigError{
        fmt::format("--live at {}, which others can reach, needs a token: set "
                    "EVENTCOLLECT_LIVE_TOKEN, or give --admin a loopback address",
                    base::in_quotes(host))};
  }
  if (token.size() < Access::min_token_characters) {
    throw ConfigError{fmt::format("--live-token must have at least {} characters, got {}",
                                  Access::min_token_characters, token.size())};
  }
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7F'; })) {
    throw ConfigError{
        "--live-token must not contain blanks, control characters or what is not ASCII: it is sent "
        "in a header"};
  }
}

}  // namespace eventcollect::live
