#include "drivers/amqp1/options.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "base/authority.hpp"

namespace eventcollect::amqp1 {

using namespace std::chrono_literals;

namespace {

void take_authority(const Url& url, Amqp1Options& options) {
  const base::Authority authority = base::parse_authority(url, "amqp1");
  options.user = authority.user.value_or("");
  const char* password = std::getenv("EVENTCOLLECT_AMQP1_PASSWORD");
  if (!options.user.empty() && password != nullptr) options.password = password;
  if (authority.password) options.password = *authority.password;
  options.hosts.clear();
  for (const auto& [name, port] : authority.hosts) {
    Amqp1Host& host = options.hosts.emplace_back();
    if (!name.empty()) host.name = name;
    host.port = port;
  }
}

}  // namespace

Amqp1Options options_of(const Url& url) {
  UrlOptions from_url{url};
  Amqp1Options options;
  options.tls = url.scheme == "amqp1s";
  take_authority(url, options);
  if (url.path.size() > 1) {
    throw ConfigError{"amqp1: the URL has no path; the queue is the option 'queue'"};
  }
  options.queue = from_url.text("queue", options.queue);
  options.timeout = from_url.duration("timeout", options.timeout);
  options.heartbeat = from_url.duration("heartbeat", options.heartbeat);
  if (options.tls) options.ca_file = from_url.text("ca_file", options.ca_file);
  from_url.finish();
  check(options);
  return options;
}

void check(const Amqp1Options& options) {
  if (options.hosts.empty()) throw ConfigError{"amqp1: no host is given"};
  if (options.queue.empty()) throw ConfigError{"amqp1: no queue is given"};
  if (options.user.empty() != options.password.empty()) {
    throw ConfigError{
        options.user.empty()
            ? "amqp1: a password is given without a user"
            : "amqp1: the user has no password, in the URL or in EVENTCOLLECT_AMQP1_PASSWORD"};
  }
  if (options.timeout <= 0ms) {
    throw ConfigError{fmt::format("amqp1: the timeout must be greater than 0, got {}ms",
                                  options.timeout.count())};
  }
  if (options.heartbeat < 1s || options.heartbeat > 65'535s) {
    throw ConfigError{fmt::format("amqp1: the heartbeat must be 1s to 65535s, got {}ms",
                                  options.heartbeat.count())};
  }
}

std::uint16_t port_of(const Amqp1Options& options, const Amqp1Host& host) {
  if (host.port != 0) return host.port;
  return options.tls ? 5671 : 5672;
}

}  // namespace eventcollect::amqp1
