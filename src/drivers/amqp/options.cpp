#include "drivers/amqp/options.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "base/authority.hpp"
#include "base/printable.hpp"

namespace eventcollect::amqp {

using base::in_quotes;

namespace {

// AMQP's shortstr.
constexpr std::size_t max_name_bytes = 255;
constexpr std::size_t max_reserved = 65'535;

void take_authority(const Url& url, AmqpBroker& broker) {
  const base::Authority authority = base::parse_authority(url, "amqp");
  const char* password = std::getenv("EVENTCOLLECT_AMQP_PASSWORD");
  if (password != nullptr) broker.password = password;
  if (authority.user) broker.user = *authority.user;
  if (authority.password) broker.password = *authority.password;
  broker.hosts.clear();
  for (const auto& [name, port] : authority.hosts) {
    AmqpHost& host = broker.hosts.emplace_back();
    if (!name.empty()) host.name = name;
    host.port = port;
  }
}

AmqpBroker broker_of(const Url& url, UrlOptions& options) {
  AmqpBroker broker;
  broker.tls = url.scheme == "amqps";
  take_authority(url, broker);
  if (url.path.size() > 1) broker.virtual_host = url.path.substr(1);
  broker.timeout = options.duration("timeout", broker.timeout);
  const auto heartbeat = options.duration("heartbeat", broker.heartbeat);
  broker.heartbeat = std::chrono::floor<std::chrono::seconds>(heartbeat);
  if (broker.heartbeat != heartbeat) {
    throw ConfigError{"amqp: option 'heartbeat' is in whole seconds"};
  }
  if (broker.tls) broker.ca_file = options.text("ca_file", broker.ca_file);
  return broker;
}

AmqpDeclare declare_of(UrlOptions& options) {
  const std::string text = options.text("declare", "quorum");
  if (text == "quorum") return AmqpDeclare::quorum;
  if (text == "classic") return AmqpDeclare::classic;
  if (text == "off") return AmqpDeclare::off;
  throw ConfigError{
      fmt::format("amqp: option 'declare' is quorum, classic or off, not {}", in_quotes(text))};
}

AmqpQueue queue_of(UrlOptions& options, std::string_view fallback) {
  AmqpQueue queue;
  queue.name = options.text("queue", fallback);
  queue.declare = declare_of(options);
  const bool has_one = queue.declare == AmqpDeclare::quorum && !queue.name.empty();
  queue.dead_letter = options.text("dead_letter", has_one ? queue.name + ".dead" : "");
  return queue;
}

void check_name(std::string_view name, std::string_view what) {
  if (name.size() > max_name_bytes) {
    throw ConfigError{fmt::format("amqp: the {} is longer than {} bytes", what, max_name_bytes)};
  }
}

void check(const AmqpBroker& broker) {
  using namespace std::chrono_literals;
  if (broker.hosts.empty()) throw ConfigError{"amqp: no host is given"};
  if (broker.timeout <= 0ms) throw ConfigError{"amqp: the timeout must be greater than 0"};
  if (broker.heartbeat < 1s || broker.heartbeat > std::chrono::seconds{max_reserved}) {
    throw ConfigError{"amqp: the heartbeat is 1s to 65535s"};
  }
  check_name(broker.virtual_host, "virtual host");
}

void check(const AmqpQueue& queue) {
  check_name(queue.name, "queue's name");
  check_name(queue.dead_letter, "dead-letter queue's name");
  if (!queue.dead_letter.empty() && queue.dead_letter == queue.name) {
    throw ConfigError{"amqp: a queue is not its own dead-letter queue"};
  }
}

}  // namespace

AmqpSinkOptions sink_options_of(const Url& url) {
  UrlOptions from_url{url};
  AmqpSinkOptions options;
  options.broker = broker_of(url, from_url);
  options.exchange = from_url.text("exchange");
  options.queue = queue_of(from_url, options.exchange.empty() ? "events" : "");
  options.routing_key = from_url.text("routing_key");
  from_url.finish();
  check(options);
  return options;
}

AmqpSourceOptions source_options_of(const Url& url) {
  UrlOptions from_url{url};
  AmqpSourceOptions options;
  options.broker = broker_of(url, from_url);
  options.queue = queue_of(from_url, "events");
  const std::string prefetch = from_url.text("prefetch");
  if (!prefetch.empty()) options.prefetch = base::parse_uint16(prefetch, "amqp: option 'prefetch'");
  from_url.finish();
  check(options);
  return options;
}

void check(const AmqpSinkOptions& options) {
  check(options.broker);
  check(options.queue);
  check_name(options.exchange, "exchange's name");
  check_name(options.routing_key, "routing key");
  if (!options.exchange.empty()) return;
  if (options.queue.name.empty())
    throw ConfigError{"amqp: neither a queue nor an exchange is given"};
  if (!options.routing_key.empty() && options.routing_key != options.queue.name) {
    throw ConfigError{
        "amqp: option 'routing_key' needs the option 'exchange': the default exchange routes to "
        "queues by their names"};
  }
}

void check(const AmqpSourceOptions& options) {
  check(options.broker);
  check(options.queue);
  if (options.queue.name.empty()) throw ConfigError{"amqp: no queue is given"};
}

}  // namespace eventcollect::amqp
