#include "server/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>

#include "eventcollect/url.hpp"
#include "eventcollect/version.hpp"

namespace eventcollect {
namespace {

using Values = std::vector<std::string>;

// One option: its name, which is also its key in a file and, in capitals, its variable.
struct Setting {
  std::string name;
  std::string type;
  std::string fallback;
  std::string help;
  bool is_list;
  std::function<void(ServerOptions&, const Values&)> apply;
};

Values split(std::string_view text, std::string_view separators) {
  Values parts;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find_first_of(separators), text.size());
    if (length > 0) parts.emplace_back(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return parts;
}

void check_is_one_of(const std::string& word, const Values& known) {
  if (std::find(known.begin(), known.end(), word) != known.end()) return;
  throw ConfigError{fmt::format("'{}' is none of {}", word, fmt::join(known, ", "))};
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

std::size_t parse_count(const std::string& text, std::size_t least, std::size_t most) {
  std::size_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
  if (!whole || count < least || count > most) {
    throw ConfigError{fmt::format("'{}' is not a number from {} to {}", text, least, most)};
  }
  return count;
}

void apply_context(ServerOptions& options, const Values& values) {
  for (const std::string& word : words_of(values, {"ip", "user_agent", "referrer"})) {
    if (word == "ip") options.endpoint.context.ip = true;
    if (word == "user_agent") options.endpoint.context.user_agent = true;
    if (word == "referrer") options.endpoint.context.referrer = true;
  }
}

void apply_path(ServerOptions& options, const Values& values) {
  const Values taken{"/", "/healthz", "/readyz", "/metrics"};
  if (std::find(taken.begin(), taken.end(), values[0]) != taken.end()) {
    throw ConfigError{
        fmt::format("'{}' is not free: {} are taken", values[0], fmt::join(taken, ", "))};
  }
  options.endpoint.path = values[0];
}

void apply_url_strip(ServerOptions& options, const Values& values) {
  for (const std::string& word : words_of(values, {"query", "fragment"})) {
    if (word == "query") options.collector.rules.strip_query = true;
    if (word == "fragment") options.collector.rules.strip_fragment = true;
  }
}

std::vector<Setting> network_settings() {
  return {
      {"listen", "HOST:PORT", "127.0.0.1:8080", "Where to serve; port 0 picks a free one", false,
       [](auto& options, auto& values) { options.listen = HostPort::parse(values[0]); }},
      {"admin", "HOST:PORT", "",
       "Serve /healthz, /readyz and /metrics there, and no longer at --listen", false,
       [](auto& options, auto& values) { options.admin = HostPort::parse(values[0]); }},
      {"path", "PATH", "/events", "The path that events are POSTed to", false, apply_path},
      {"page", "FILE", "", "The page to serve at /, instead of the demo page", false,
       [](auto& options, auto& values) { options.page = values[0]; }},
      {"allow-origin", "ORIGIN", "", "Other sites whose pages may send events", true,
       [](auto& options, auto& values) { options.endpoint.allowed_origins = values; }},
      {"trusted-proxy", "NETWORK", "", "Proxies whose X-Forwarded-* headers are believed", true,
       [](auto& options, auto& values) { options.endpoint.trusted_proxies = values; }},
      {"threads", "N", "2", "Threads that serve connections", false,
       [](auto& options, auto& values) { options.threads = parse_count(values[0], 1, 256); }},
  };
}

std::vector<Setting> event_settings() {
  return {
      {"to", "URL", "file:events", "Where events go; several are each written to", true,
       [](auto& options, auto& values) { options.to = values; }},
      {"spool", "DIR", "",
       "Answer when events are synced to this directory, and forward them to each --to from there",
       false, [](auto& options, auto& values) { options.spool = values[0]; }},
      {"spool-max-bytes", "SIZE", "1GiB", "The most that the spool may hold: then 503", false,
       [](auto& options, auto& values) { options.spool_max_bytes = parse_bytes(values[0]); }},
      {"dead-letter", "URL", "file:refused?max_total_bytes=64MiB",
       "Where refused events are kept; null: for nowhere", false,
       [](auto& options, auto& values) { options.dead_letter = values[0]; }},
      {"context", "FIELDS", "", "Store ip, user_agent, referrer (any of them) with events", true,
       apply_context},
      {"url-strip", "PARTS", "", "Cut query, fragment (either or both) off addresses", true,
       apply_url_strip},
      {"max-body-bytes", "SIZE", "1MiB", "The most that a request's body may have", false,
       [](auto& options, auto& values) {
         options.endpoint.max_body_bytes = parse_bytes(values[0]);
         if (options.endpoint.max_body_bytes == 0) throw ConfigError{"no event has no bytes"};
       }},
      {"max-batch-events", "N", "1000", "The most events in a request", false,
       [](auto& options, auto& values) {
         options.collector.rules.max_events = parse_count(values[0], 1, 100'000);
       }},
      {"max-queue-bytes", "SIZE", "64MiB", "The most memory of events not yet durable: then 503",
       false,
       [](auto& options, auto& values) {
         options.collector.max_queue_bytes = parse_bytes(values[0]);
       }},
      {"ack", "WHEN", "durable",
       "Answer 202 when events are `durable` or already when `accepted` into memory", false,
       [](auto& options, auto& values) {
         check_is_one_of(values[0], {"durable", "accepted"});
         options.collector.acknowledge =
             values[0] == "accepted" ? Acknowledge::accepted : Acknowledge::durable;
       }},
      {"ack-timeout", "TIME", "10s", "Answer 503 if events are not durable by then", false,
       [](auto& options, auto& values) {
         options.collector.acknowledge_timeout = parse_duration(values[0]);
         if (options.collector.acknowledge_timeout.count() == 0) {
           throw ConfigError{"no sink can confirm in no time"};
         }
       }},
      {"drain-delay", "TIME", "5s", "After SIGTERM, take events so long while not ready", false,
       [](auto& options, auto& values) { options.drain_delay = parse_duration(values[0]); }},
      {"drain-timeout", "TIME", "10s", "Then let work in flight end within this", false,
       [](auto& options, auto& values) { options.drain_timeout = parse_duration(values[0]); }},
  };
}

std::vector<Setting> all_settings() {
  std::vector<Setting> settings = network_settings();
  for (Setting& setting : event_settings()) settings.push_back(std::move(setting));
  return settings;
}

std::string variable_of(const std::string& name) {
  std::string variable = "EVENTCOLLECT_" + name;
  for (char& c : variable) {
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return variable;
}

// What one source says of each setting, in the settings' order; empty where it says nothing.
using Source = std::vector<Values>;

Source read_environment(const std::vector<Setting>& settings) {
  Source source;
  for (const Setting& setting : settings) {
    const char* value = std::getenv(variable_of(setting.name).c_str());
    if (value == nullptr) {
      source.emplace_back();
    } else {
      source.push_back(setting.is_list ? split(value, " \t\r\n") : Values{value});
    }
  }
  return source;
}

Source read_file(const std::string& path, const std::vector<Setting>& settings) {
  Source source(settings.size());
  if (path.empty()) return source;
  std::ifstream file{path};
  if (!file) throw ConfigError{fmt::format("--config: cannot read '{}'", path)};
  for (const CLI::ConfigItem& item : CLI::ConfigBase{}.from_config(file)) {
    const auto setting =
        std::find_if(settings.begin(), settings.end(), [&](const Setting& candidate) {
          return candidate.name == item.name && item.parents.empty();
        });
    if (setting == settings.end()) {
      Values names;
      for (const Setting& known : settings) names.push_back(known.name);
      throw ConfigError{fmt::format("'{}' has the unknown key '{}'; known are: {}", path,
                                    item.fullname(), fmt::join(names, ", "))};
    }
    Values& values = source[static_cast<std::size_t>(setting - settings.begin())];
    values.insert(values.end(), item.inputs.begin(), item.inputs.end());
  }
  return source;
}

struct CommandLine {
  Source source;
  std::string config;
  bool only_asked = false;
};

std::string help_of(const Setting& setting) {
  std::string help = setting.help;
  if (!setting.fallback.empty()) help += fmt::format(" [{}]", setting.fallback);
  if (setting.is_list) help += " (repeatable)";
  return help;
}

CommandLine read_command_line(int argc, char** argv, const std::vector<Setting>& settings) {
  CommandLine line{Source(settings.size()), {}, false};
  CLI::App app{
      "Collects events that a site's pages POST as JSON, and answers 202 when they are durable.\n"
      "Every option is also an environment variable (EVENTCOLLECT_LISTEN; lists split on white "
      "space)\nand a key of the config file (listen = …); flag before environment before file.",
      "eventcollect-server"};
  app.set_version_flag("--version", std::string{version});
  app.add_option("--config", line.config, "A file of `key = value` lines")->type_name("FILE");
  for (std::size_t i = 0; i < settings.size(); ++i) {
    auto* option = app.add_option("--" + settings[i].name, line.source[i], help_of(settings[i]));
    option->type_name(settings[i].type);
    if (!settings[i].is_list)
      option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    app.exit(success);
    line.only_asked = true;
  } catch (const CLI::ParseError& error) {
    throw ConfigError{error.what()};
  }
  if (line.config.empty()) {
    if (const char* path = std::getenv("EVENTCOLLECT_CONFIG")) line.config = path;
  }
  return line;
}

void apply(ServerOptions& options, const Setting& setting, const Values& values) {
  if (values.empty()) return;
  try {
    if (!setting.is_list && values.size() != 1) throw ConfigError{"takes one value"};
    setting.apply(options, values);
  } catch (const ConfigError& error) {
    throw ConfigError{fmt::format("--{}: {}", setting.name, error.what())};
  }
}

}  // namespace

std::optional<ServerOptions> read_options(int argc, char** argv) {
  const std::vector<Setting> settings = all_settings();
  const CommandLine line = read_command_line(argc, argv, settings);
  if (line.only_asked) return {};
  const Source environment = read_environment(settings);
  const Source file = read_file(line.config, settings);
  ServerOptions options;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const Setting& setting = settings[i];
    const Values fallback = setting.fallback.empty() ? Values{} : Values{setting.fallback};
    const Values* first = &fallback;
    for (const Source* source : {&file, &environment, &line.source}) {
      if (!(*source)[i].empty()) first = &(*source)[i];
    }
    apply(options, setting, *first);
  }
  try {
    check(options.endpoint);
  } catch (const ConfigError& error) {
    throw ConfigError{fmt::format("--{}", error.what())};
  }
  return options;
}

}  // namespace eventcollect
