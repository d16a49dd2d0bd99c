// Where to listen.
#pragma once

#include <cstdint>
#include <string>

namespace eventcollect::http {

struct HostPort {
  std::string host;
  std::uint16_t port = 0;  // 0 lets the system pick one

  // "127.0.0.1:8080", "localhost:0", "[::1]:8080". Throws ConfigError.
  static HostPort parse(const std::string& text);
  // The same form again, for a URL.
  std::string text() const;
};

}  // namespace eventcollect::http
