// How a sink or a source is named: SCHEME:PLACE?OPTION=VALUE&…
//
//   Url url = Url::parse("file:/var/lib/events?rotate_bytes=64MiB");
//   UrlOptions options{url};
//   auto bytes = options.bytes("rotate_bytes", 64 << 20);
//   options.finish();                                  // rejects unknown options
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eventcollect {

// Something in the configuration is wrong: a name, an option, a value. The message names it and
// what would be right, and holds no secret.
class ConfigError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// A size in bytes: digits, then nothing, "KiB", "MiB" or "GiB". Throws ConfigError.
std::uint64_t parse_bytes(std::string_view text);

// A time span: digits, then "ms", "s", "m", "h" or "d". A bare number is rejected, so that nobody
// has to guess the unit; "0" alone is fine. Throws ConfigError.
std::chrono::milliseconds parse_duration(std::string_view text);

// A name of an endpoint, split as RFC 3986 does. A value type.
struct Url {
  std::string scheme{};  // in lower case
  std::string
      authority{};     // what stands between "//" and the path, as written: it may hold a secret
  std::string path{};  // percent-decoded
  std::vector<std::pair<std::string, std::string>> options{};  // percent-decoded, in order

  // Throws ConfigError: no scheme, a broken percent escape, U+0000, a fragment, an option without
  // a name or given twice.
  static Url parse(std::string_view text);

  // The URL without its user, password and option values: fit for a log or a message.
  std::string redacted() const;
};

// Reads a Url's options by name and type. Each getter throws ConfigError, naming the option, where
// its value does not fit. One thread at a time; `url` must outlive it.
class UrlOptions {
 public:
  explicit UrlOptions(const Url& url) : url_{url} {}

  std::string text(std::string_view name, std::string_view fallback = {});
  std::uint64_t bytes(std::string_view name, std::uint64_t fallback);
  std::chrono::milliseconds duration(std::string_view name, std::chrono::milliseconds fallback);
  bool flag(std::string_view name, bool fallback);  // "on" or "1", "off" or "0"

  // Throws ConfigError if the URL has an option that was not asked for, listing those that were.
  void finish() const;

 private:
  const std::string* find(std::string_view name);

  const Url& url_;
  std::vector<std::string> known_;
};

}  // namespace eventcollect
