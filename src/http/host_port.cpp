#include "http/host_port.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/printable.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::http {

HostPort HostPort::parse(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const auto malformed = [&] {
    return ConfigError{
        fmt::format("{} is not HOST:PORT, as in 127.0.0.1:8080 or [::1]:0", base::in_quotes(text))};
  };
  if (colon == std::string::npos || colon == 0) throw malformed();
  HostPort result;
  result.host = text.substr(0, colon);
  const bool bracketed = result.host.front() == '[' && result.host.back() == ']';
  if (bracketed) result.host = result.host.substr(1, result.host.size() - 2);
  if (result.host.empty() ||
      result.host.find_first_of(bracketed ? "[]" : ":[]/") != std::string::npos) {
    throw malformed();
  }
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, result.port);
  if (parsed.ec != std::errc{} || parsed.ptr != end) throw malformed();
  return result;
}

std::string HostPort::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

}  // namespace eventcollect::http
