#include "base/authority.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/encoding.hpp"

namespace eventcollect::base {
namespace {

// A part of an authority, which Url::parse() has checked.
std::string decoded(std::string_view part) { return percent_decode(part).value(); }

Authority::Host parse_host(std::string_view text, std::string_view driver) {
  Authority::Host host;
  const bool is_bracketed = text.starts_with('[');
  const std::size_t end = is_bracketed ? text.find(']') : text.find(':');
  if (is_bracketed && end == std::string_view::npos) {
    throw ConfigError{fmt::format("{}: an IPv6 address in a URL ends with ']'", driver)};
  }
  std::string_view rest = end == std::string_view::npos ? "" : text.substr(end);
  if (is_bracketed) {
    host.name = text.substr(1, end - 1);
    rest.remove_prefix(1);
  } else {
    host.name = decoded(text.substr(0, end));
  }
  if (rest.empty()) return host;
  if (!rest.starts_with(':')) {
    throw ConfigError{fmt::format("{}: a host is followed by ':' and a port", driver)};
  }
  host.port = parse_uint16(rest.substr(1), fmt::format("{}: the port", driver));
  return host;
}

}  // namespace

std::uint16_t parse_uint16(std::string_view text, std::string_view what) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number == 0) {
    throw ConfigError{fmt::format("{} is a number from 1 to 65535", what)};
  }
  return number;
}

Authority parse_authority(const Url& url, std::string_view driver) {
  Authority authority;
  std::string_view text = url.authority;
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = text.substr(0, at);
    const std::size_t colon = user.find(':');
    authority.user = decoded(user.substr(0, colon));
    if (colon != std::string_view::npos) authority.password = decoded(user.substr(colon + 1));
    text.remove_prefix(at + 1);
  }
  for (;;) {
    const std::size_t comma = text.find(',');
    authority.hosts.push_back(parse_host(text.substr(0, comma), driver));
    if (comma == std::string_view::npos) return authority;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace eventcollect::base
