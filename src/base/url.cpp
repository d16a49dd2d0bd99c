#include "eventcollect/url.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/encoding.hpp"
#include "base/printable.hpp"

namespace eventcollect {

using base::in_quotes;
using base::percent_decode;

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// A hundred years in milliseconds: added to any clock's time it still fits.
constexpr std::uint64_t max_time_span = std::uint64_t{36'500} * 86'400'000;

constexpr std::array byte_units{Unit{"", 1}, Unit{"KiB", std::uint64_t{1} << 10},
                                Unit{"MiB", std::uint64_t{1} << 20},
                                Unit{"GiB", std::uint64_t{1} << 30}};
constexpr std::array time_units{Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"m", 60'000},
                                Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};

// Reads digits and a unit, up to `most`, or throws what `expected` says.
template <std::size_t N>
std::uint64_t parse_quantity(std::string_view text, const std::array<Unit, N>& units,
                             std::uint64_t most, std::string_view expected) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [&](const Unit& candidate) { return candidate.name == suffix; });
  if (error != std::errc{} || unit == units.end() || value > most / unit->factor) {
    throw ConfigError{fmt::format("{} is not {}", in_quotes(text), expected)};
  }
  return value * unit->factor;
}

std::string decoded(std::string_view text) {
  auto decoded = percent_decode(text);
  if (!decoded) throw ConfigError{"a URL has a '%' that two hex digits do not follow"};
  if (decoded->find('\0') != std::string::npos) throw ConfigError{"a URL holds a zero byte"};
  return *std::move(decoded);
}

bool is_scheme(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto other = [](char c) {
    return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || other(c); });
}

// A password with a bare '/' or '?' ends the authority, and what is left of it would be shown as a
// path or an option.
void check_for_stray_password(const Url& url, std::string_view rest) {
  const std::string_view authority = url.authority;
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && !authority.ends_with(']');
  if (!has_port || authority.find('@') != std::string_view::npos) return;
  const std::string_view port = authority.substr(colon + 1);
  if (port.find_first_not_of("0123456789") != std::string_view::npos) {
    if (rest.find('@') == std::string_view::npos) return;
    throw ConfigError{fmt::format(
        "{}: the port is malformed; in a password, write @ as %40, / as %2F and ? as %3F",
        url.scheme)};
  }
  if (rest.substr(0, rest.find('?')).find('@') == std::string_view::npos) return;
  throw ConfigError{
      fmt::format("{}: the path has a bare '@', which may end a password: in a path, write @ as "
                  "%40, in a password, write / as %2F",
                  url.scheme)};
}

// Takes everything up to the first of `stops` off `text`.
std::string_view take_until(std::string_view& text, std::string_view stops) {
  const std::size_t length = std::min(text.find_first_of(stops), text.size());
  const std::string_view head = text.substr(0, length);
  text.remove_prefix(length);
  return head;
}

void parse_options(std::string_view query, Url& url) {
  while (!query.empty()) {
    std::string_view option = take_until(query, "&");
    if (!query.empty()) query.remove_prefix(1);
    std::string name = decoded(take_until(option, "="));
    if (!option.empty()) option.remove_prefix(1);
    if (name.empty()) throw ConfigError{"a URL has an option without a name"};
    for (const auto& [known, value] : url.options) {
      if (known == name)
        throw ConfigError{fmt::format("a URL has the option {} twice", in_quotes(name))};
    }
    url.options.emplace_back(std::move(name), decoded(option));
  }
}

}  // namespace

std::uint64_t parse_bytes(std::string_view text) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  return parse_quantity(text, byte_units, most, "a size such as 65536, 64KiB, 64MiB or 1GiB");
}

std::chrono::milliseconds parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds{0};
  return std::chrono::milliseconds{parse_quantity(text, time_units, max_time_span,
                                                  "a time span such as 500ms, 10s, 5m, 1h or 7d")};
}

Url Url::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) {
    // Where there is a ':', a password may follow it.
    throw ConfigError{fmt::format("{} does not start with a scheme, as file:events does",
                                  colon != std::string_view::npos ? "the URL" : in_quotes(text))};
  }
  Url url;
  url.scheme = text.substr(0, colon);
  for (char& c : url.scheme) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  text.remove_prefix(colon + 1);
  if (text.find('#') != std::string_view::npos) {
    throw ConfigError{"a URL of a sink has no fragment: write '#' as %23"};
  }
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    url.authority = take_until(text, "/?");
    static_cast<void>(decoded(url.authority));  // only to see that it can be
    check_for_stray_password(url, text);
  }
  url.path = decoded(take_until(text, "?"));
  if (!text.empty()) parse_options(text.substr(1), url);
  return url;
}

std::string Url::redacted() const {
  const std::size_t at = authority.rfind('@');
  const std::string host = at == std::string::npos ? authority : authority.substr(at + 1);
  // What follows "//" is read as an authority, so a path that begins so needs one before it.
  const bool has_place = !host.empty() || path.starts_with("//");
  std::string text = fmt::format("{}:{}{}{}", scheme, has_place ? "//" : "", host, path);
  for (const auto& option : options) {
    text += text.find('?') == std::string::npos ? '?' : '&';
    text += option.first;
    text += "=…";
  }
  return text;
}

const std::string* UrlOptions::find(std::string_view name) {
  known_.emplace_back(name);
  for (const auto& [key, value] : url_.options) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string UrlOptions::text(std::string_view name, std::string_view fallback) {
  const std::string* value = find(name);
  return value != nullptr ? *value : std::string{fallback};
}

std::uint64_t UrlOptions::bytes(std::string_view name, std::uint64_t fallback) {
  const std::string* value = find(name);
  if (value == nullptr) return fallback;
  try {
    return parse_bytes(*value);
  } catch (const ConfigError& error) {
    throw ConfigError{fmt::format("{}: option '{}': {}", url_.scheme, name, error.what())};
  }
}

std::chrono::milliseconds UrlOptions::duration(std::string_view name,
                                               std::chrono::milliseconds fallback) {
  const std::string* value = find(name);
  if (value == nullptr) return fallback;
  try {
    return parse_duration(*value);
  } catch (const ConfigError& error) {
    throw ConfigError{fmt::format("{}: option '{}': {}", url_.scheme, name, error.what())};
  }
}

bool UrlOptions::flag(std::string_view name, bool fallback) {
  const std::string* value = find(name);
  if (value == nullptr) return fallback;
  if (*value == "on" || *value == "1") return true;
  if (*value == "off" || *value == "0") return false;
  throw ConfigError{fmt::format("{}: option '{}': {} is neither on nor off", url_.scheme, name,
                                in_quotes(*value))};
}

void UrlOptions::finish() const {
  for (const auto& option : url_.options) {
    if (std::find(known_.begin(), known_.end(), option.first) != known_.end()) continue;
    // One without a value may be what follows a bare '&' in a password.
    throw ConfigError{
        fmt::format("{}: has no option {}; it has: {}", url_.scheme,
                    option.second.empty() ? "without a value (write & in a value as %26)"
                                          : in_quotes(option.first),
                    known_.empty() ? "none" : fmt::format("{}", fmt::join(known_, ", ")))};
  }
}

}  // namespace eventcollect
