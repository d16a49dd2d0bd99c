#include "collect/origin.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::collect {

using base::equals_ignoring_case;
using base::is_alpha;
using base::is_digit;

namespace {

std::string_view default_port(std::string_view scheme) {
  if (equals_ignoring_case(scheme, "https")) return "443";
  return equals_ignoring_case(scheme, "http") ? "80" : "";
}

struct Authority {
  std::string_view host;
  std::string_view port;  // empty for the default one of the scheme
};

// The brackets of an IPv6 address stay with the host.
Authority split_authority(std::string_view text, std::string_view scheme) {
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon);
  if (!has_port) return {text, {}};
  const std::string_view port = text.substr(colon + 1);
  return {text.substr(0, colon), port == default_port(scheme) ? std::string_view{} : port};
}

bool is_scheme(std::string_view text) {
  return !text.empty() && is_alpha(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
         });
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool is_whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
  return is_whole && port != 0 && text.front() != '0';
}

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

// The address in brackets as browsers write it, or nothing.
std::optional<std::string> canonical_ipv6(std::string_view text) {
  if (!text.starts_with('[') || !text.ends_with(']')) return {};
  in6_addr address{};
  const std::string inside{text.substr(1, text.size() - 2)};
  if (inet_pton(AF_INET6, inside.c_str(), &address) != 1) return {};
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  inet_ntop(AF_INET6, &address, canonical.data(), canonical.size());
  return fmt::format("[{}]", canonical.data());
}

bool is_name(std::string_view host) {
  if (host.empty() || host.front() == '.' || host.find("..") != std::string_view::npos)
    return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  });
}

// Browsers take a host whose last label is a number for an IPv4 address.
bool looks_like_ipv4(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return !last.empty() && std::all_of(last.begin(), last.end(), is_digit);
}

[[noreturn]] void reject(std::string_view text, std::string_view why) {
  throw ConfigError{fmt::format("allow-origin: {} {}", base::in_quotes(text), why)};
}

}  // namespace

std::optional<Origin> Origin::parse(std::string_view text) {
  const std::size_t slashes = text.find("://");
  if (slashes == std::string_view::npos || slashes == 0) return {};
  const std::string_view scheme = text.substr(0, slashes);
  const Authority authority = split_authority(text.substr(slashes + 3), scheme);
  if (authority.host.empty()) return {};
  return Origin{scheme, authority.host, authority.port};
}

bool Origin::is_at(std::string_view authority) const {
  const Authority other = split_authority(authority, scheme);
  return port == other.port && equals_ignoring_case(host, other.host);
}

OriginPattern::OriginPattern(std::string_view text) {
  if (text == "null") return;
  const auto origin = Origin::parse(text);
  if (!origin || !is_scheme(origin->scheme) ||
      text.find_first_of("/?#@, \t", origin->scheme.size() + 3) != std::string_view::npos) {
    reject(text,
           "is not an origin: give only scheme and host, as in https://example.org, "
           "https://*.example.org for all hosts below, or null");
  }
  if (equals_ignoring_case(origin->scheme, "file")) {
    reject(text, "matches no page: browsers send null for files");
  }
  if (text.ends_with(':') || (!origin->port.empty() && !is_port(origin->port))) {
    reject(text, "has a port that is not a number from 1 to 65535");
  }
  scheme_ = origin->scheme;
  port_ = origin->port;
  host_ = origin->host;
  is_below_ = host_.starts_with("*.");
  if (is_below_) host_.erase(0, 2);
  if (host_.find('*') != std::string::npos) {
    reject(text, "may have a '*' only in place of what is below a host: https://*.example.org");
  }
  if (auto address = canonical_ipv6(host_); address && !is_below_) {
    host_ = *std::move(address);
  } else if (std::any_of(host_.begin(), host_.end(),
                         [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    reject(text, "has a host that is not ASCII: give it as browsers send it, as xn--…");
  } else if (!is_name(host_)) {
    reject(text, "has a malformed host");
  } else if (looks_like_ipv4(host_) && (is_below_ || !is_ipv4(host_))) {
    reject(text, "has a malformed IPv4 address");
  }
}

bool OriginPattern::matches(std::string_view text) const {
  if (host_.empty()) return text == "null";
  const auto origin = Origin::parse(text);
  if (!origin || origin->port != port_ || !equals_ignoring_case(origin->scheme, scheme_)) {
    return false;
  }
  if (!is_below_) return equals_ignoring_case(origin->host, host_);
  const std::string_view host = origin->host;
  if (host.size() < host_.size() + 2) return false;
  const std::string_view tail = host.substr(host.size() - host_.size());
  return host[host.size() - host_.size() - 1] == '.' && equals_ignoring_case(tail, host_);
}

}  // namespace eventcollect::collect
