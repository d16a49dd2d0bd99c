// Origins of pages (RFC 6454), and the patterns that an operator allows.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace eventcollect::collect {

// "https://example.org:8443" in its parts: views of the text.
struct Origin {
  std::string_view scheme;
  std::string_view host;
  std::string_view port;  // empty for the default one of the scheme

  // Nothing where the text is not a scheme and a host, as "null" is not.
  static std::optional<Origin> parse(std::string_view text);

  // Whether `authority`, as in a Host header, is this origin's host and port.
  bool is_at(std::string_view authority) const;
};

// Which origins an operator allows. Immutable.
class OriginPattern {
 public:
  // "https://example.org", "https://*.example.org" for all hosts below, or "null". Throws
  // ConfigError where no browser could send an origin that it matches.
  explicit OriginPattern(std::string_view text);

  bool matches(std::string_view origin) const;

 private:
  std::string scheme_;
  std::string host_;  // without the "*."; empty for "null"
  std::string port_;
  bool is_below_ = false;
};

}  // namespace eventcollect::collect
