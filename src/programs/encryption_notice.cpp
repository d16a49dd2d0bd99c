#include "programs/encryption_notice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/encoding.hpp"
#include "base/ip_network.hpp"
#include "base/printable.hpp"
#include "eventcollect/url.hpp"
#include "programs/settings.hpp"

namespace eventcollect::programs {
namespace {

// A socket in the file system, or an address of this machine.
bool is_local(const std::string& host) {
  if (host.empty() || host.front() == '/' || host.front() == '@' || host == "localhost")
    return true;
  const auto address = base::Network::parse(host);
  return address && address->is_loopback();
}

std::string without_port(const std::string& host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return base::percent_decode(host.substr(0, host.find(':'))).value_or(host);
}

// The value of libpq's option, or of the variable that stands in for it.
std::string value_of(const Url& url, std::string_view option, const char* variable) {
  for (const auto& [name, value] : url.options) {
    if (name == option) return value;
  }
  const char* value = std::getenv(variable);
  return value != nullptr ? value : "";
}

Values hosts_of(const Url& url) {
  const std::string hosts = url.authority.substr(url.authority.rfind('@') + 1);
  Values all = split(hosts, ",");
  for (std::string& host : all) host = without_port(host);
  const char* variable = all.empty() ? "PGHOST" : "";
  for (std::string& host : split(value_of(url, "host", variable), ",")) all.push_back(host);
  for (std::string& host : split(value_of(url, "hostaddr", "PGHOSTADDR"), ",")) all.push_back(host);
  return all;
}

}  // namespace

std::string encryption_notice(const std::string& text) {
  const Url url = Url::parse(text);
  if (url.scheme != "postgres" && url.scheme != "postgresql") return {};
  if (!value_of(url, "sslmode", "PGSSLMODE").empty()) return {};
  // A service may have the option, in a file of libpq's.
  if (!value_of(url, "service", "PGSERVICE").empty()) return {};
  const Values hosts = hosts_of(url);
  const auto remote = std::find_if_not(hosts.begin(), hosts.end(), is_local);
  if (remote == hosts.end()) return {};
  return fmt::format(
      "no sslmode is given for {}: the connection is encrypted only if the server offers it, and "
      "the server's certificate is not checked; sslmode=verify-full makes sure of both",
      base::in_quotes(*remote));
}

}  // namespace eventcollect::programs
