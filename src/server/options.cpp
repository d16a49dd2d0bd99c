#include "server/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/printable.hpp"
#include "eventcollect/spool.hpp"
#include "eventcollect/url.hpp"
#include "live/access.hpp"
#include "programs/settings.hpp"

namespace eventcollect::server {

using namespace programs;

namespace {

void check_is_one_of(const std::string& word, const Values& known) {
  if (std::find(known.begin(), known.end(), word) != known.end()) return;
  throw ConfigError{
      fmt::format("{} is not one of {}", base::in_quotes(word), fmt::join(known, ", "))};
}

// The words in `values`, each of which has to be one of `known`.
Values words_of(const Values& values, const Values& known) {
  Values words;
  for (const std::string& value : values) {
    for (std::string& word : split(value, ", ")) {
      check_is_one_of(word, known);
      words.push_back(std::move(word));
    }
  }
  return words;
}

void apply_context(Options& options, const Values& values) {
  for (const std::string& word : words_of(values, {"ip", "user_agent", "referrer"})) {
    if (word == "ip") options.endpoint.context.ip = true;
    if (word == "user_agent") options.endpoint.context.user_agent = true;
    if (word == "referrer") options.endpoint.context.referrer = true;
  }
}

void apply_url_strip(Options& options, const Values& values) {
  for (const std::string& word : words_of(values, {"query", "fragment"})) {
    if (word == "query") options.collector.rules.strip_query = true;
    if (word == "fragment") options.collector.rules.strip_fragment = true;
  }
}

std::vector<Setting> network_settings(Options& options) {
  return {
      {"listen", "HOST:PORT", "127.0.0.1:8080", "Where to serve; port 0 picks a free one",
       Setting::one,
       [&](const Values& values) { options.listen = http::HostPort::parse(values[0]); }},
      {"admin", "HOST:PORT", "",
       "Serve /healthz, /readyz and /metrics there, and no longer at --listen", Setting::one,
       [&](const Values& values) { options.admin = http::HostPort::parse(values[0]); }},
      {"live", "", "", "Show the newest events at /live of --admin, as they arrive", Setting::flag,
       [&](const Values&) { options.live = true; }},
      {"live-token", "TOKEN", "",
       "What the live page asks for before it shows an event: needed where --admin is not loopback",
       Setting::one, [&](const Values& values) { options.live_token = values[0]; }},
      {"path", "PATH", options.endpoint.path, "The path that events are POSTed to", Setting::one,
       [&](const Values& values) { options.endpoint.path = values[0]; }},
      {"page", "FILE", "", "The page to serve at /, instead of the demo page", Setting::one,
       [&](const Values& values) { options.page = values[0]; }},
      {"allow-origin", "ORIGIN", "",
       "Other sites whose pages may send events, as https://example.org or https://*.example.org",
       Setting::list, [&](const Values& values) { options.endpoint.allowed_origins = values; }},
      {"trusted-proxy", "NETWORK", "", "Proxies whose X-Forwarded-* headers are trusted",
       Setting::list, [&](const Values& values) { options.endpoint.trusted_proxies = values; }},
      {"client-ip-header", "NAME", options.endpoint.client_ip_header,
       "Where a trusted proxy gives the client's address", Setting::one,
       [&](const Values& values) {
         options.endpoint.client_ip_header = values[0];
         options.http.client_ip_header = values[0];
       }},
      {"threads", "N", "2", "Threads that serve connections", Setting::one,
       [&](const Values& values) { options.threads = parse_count(values[0], 1, 256); }},
      {"max-head-bytes", "SIZE", bytes_text(options.http.max_head_bytes),
       "Size of the largest head of a request, cookies included: then 431", Setting::one,
       [&](const Values& values) {
         options.http.max_head_bytes = parse_positive_bytes(values[0]);
       }},
      {"idle-timeout", "TIME", duration_text(options.http.idle_timeout),
       "How long a connection may be idle between requests", Setting::one,
       [&](const Values& values) {
         options.http.idle_timeout = parse_positive_duration(values[0]);
       }},
  };
}

std::vector<Setting> event_settings(Options& options) {
  return {
      {"to", "URL", "file:events", "Where events go; several are each written to", Setting::list,
       [&](const Values& values) { options.to = values; }},
      {"spool", "DIR", "",
       "Answer when events are synced to this directory, and forward them to each --to from there",
       Setting::one, [&](const Values& values) { options.spool = values[0]; }},
      {"spool-max-bytes", "SIZE", bytes_text(SpoolOptions{}.files.max_total_bytes),
       "Size of a full spool: then 503", Setting::one,
       [&](const Values& values) { options.spool_max_bytes = parse_bytes(values[0]); }},
      {"dead-letter", "URL", "file:rejected?max_total_bytes=64MiB&remove_oldest=1",
       "Where rejected events are kept, 1 MiB a minute; null: for nowhere", Setting::one,
       [&](const Values& values) { options.dead_letter = values[0]; }},
      {"context", "FIELDS", "", "Store ip, user_agent, referrer (any of them) with events",
       Setting::list, [&](const Values& values) { apply_context(options, values); }},
      {"url-strip", "PARTS", "", "Cut query, fragment (either or both) off addresses",
       Setting::list, [&](const Values& values) { apply_url_strip(options, values); }},
      {"max-body-bytes", "SIZE", bytes_text(options.endpoint.max_body_bytes),
       "Size of the largest body of a request", Setting::one,
       [&](const Values& values) {
         options.endpoint.max_body_bytes = parse_positive_bytes(values[0]);
       }},
      {"max-batch-events", "N", fmt::format("{}", options.collector.rules.max_events),
       "Events that a request may hold", Setting::one,
       [&](const Values& values) {
         options.collector.rules.max_events = parse_count(values[0], 1, 100'000);
       }},
      {"max-queue-bytes", "SIZE", bytes_text(options.collector.max_queue_bytes),
       "Memory for events that are not durable yet: then 503", Setting::one,
       [&](const Values& values) { options.collector.max_queue_bytes = parse_bytes(values[0]); }},
      {"ack", "WHEN", "durable",
       "Answer 202 when events are `durable` or already when `accepted` into memory", Setting::one,
       [&](const Values& values) {
         check_is_one_of(values[0], {"durable", "accepted"});
         options.collector.acknowledge =
             values[0] == "accepted" ? Acknowledge::accepted : Acknowledge::durable;
       }},
      {"ack-timeout", "TIME", duration_text(options.collector.acknowledge_timeout),
       "Answer 503 if events are not durable by then", Setting::one,
       [&](const Values& values) {
         options.collector.acknowledge_timeout = parse_positive_duration(values[0]);
       }},
      {"drain-delay", "TIME", "5s",
       "After SIGTERM, still take events for so long, but not be ready", Setting::one,
       [&](const Values& values) { options.drain_delay = parse_duration(values[0]); }},
      {"drain-timeout", "TIME", duration_text(options.collector.drain_timeout),
       "Then let work in flight end within this", Setting::one,
       [&](const Values& values) { options.drain_timeout = parse_duration(values[0]); }},
  };
}

void check_live(const Options& options) {
  if (!options.live) return;
  if (!options.admin) {
    throw ConfigError{"--live needs --admin HOST:PORT, where the page is served"};
  }
  live::check_access(options.admin->host, options.live_token);
}

}  // namespace

std::optional<Options> read_options(int argc, char** argv) {
  const Program program{"eventcollect-server",
                        "Collects events that a site's pages POST as JSON, and answers 202 when "
                        "they are durable."};
  Options options;
  std::vector<Setting> settings = network_settings(options);
  for (Setting& setting : event_settings(options)) settings.push_back(std::move(setting));
  if (!read_settings(program, settings, argc, argv)) return {};
  try {
    check(options.endpoint);
  } catch (const ConfigError& error) {
    throw ConfigError{fmt::format("--{}", error.what())};
  }
  check_live(options);
  return options;
}

}  // namespace eventcollect::server
