#include "programs/settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/ascii.hpp"
#include "base/encoding.hpp"
#include "base/printable.hpp"
#include "eventcollect/version.hpp"

namespace eventcollect::programs {

using base::in_quotes;

Values split(std::string_view text, std::string_view separators) {
  Values parts;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find_first_of(separators), text.size());
    if (length > 0) parts.emplace_back(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return parts;
}

std::size_t parse_count(const std::string& text, std::size_t min, std::size_t max) {
  std::size_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
  if (!whole || count < min || count > max) {
    throw ConfigError{fmt::format("{} is not a number from {} to {}", in_quotes(text), min, max)};
  }
  return count;
}

std::chrono::milliseconds parse_positive_duration(const std::string& text) {
  const auto duration = parse_duration(text);
  if (duration > std::chrono::milliseconds{0}) return duration;
  throw ConfigError{fmt::format("must be greater than 0, got {}", text)};
}

std::uint64_t parse_positive_bytes(const std::string& text) {
  const std::uint64_t bytes = parse_bytes(text);
  if (bytes > 0) return bytes;
  throw ConfigError{fmt::format("must be greater than 0, got {}", text)};
}

std::string bytes_text(std::uint64_t bytes) {
  for (const auto& [unit, size] : {std::pair{"GiB", std::uint64_t{1} << 30},
                                   {"MiB", std::uint64_t{1} << 20},
                                   {"KiB", std::uint64_t{1} << 10}}) {
    if (bytes > 0 && bytes % size == 0) return fmt::format("{}{}", bytes / size, unit);
  }
  return fmt::format("{}", bytes);
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  // In minutes only from two on: "60s" says more than "1m".
  if (count % 60'000 == 0 && count >= 120'000) return fmt::format("{}m", count / 60'000);
  return count % 1'000 == 0 ? fmt::format("{}s", count / 1'000) : fmt::format("{}ms", count);
}

namespace {

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
      source.push_back(setting.kind == Setting::list ? split(value, " \t\r\n") : Values{value});
    }
  }
  return source;
}

// Throws what is wrong with a key of the file. A line without '=' is a key to CLI11; it is not
// shown, since it may be a secret, as the part of an unknown key behind a '=' is.
[[noreturn]] void reject_key(const std::string& path, const CLI::ConfigItem& item,
                             const std::vector<Setting>& settings) {
  std::ifstream file{path};
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string_view text = base::trim_blanks(line);
    if (text.starts_with('#') || text.starts_with(';')) continue;
    if (text.find('=') != std::string::npos || text.find(item.name) == std::string::npos) continue;
    throw ConfigError{fmt::format("{}: line {} is not `key = value`", in_quotes(path), number)};
  }
  Values names;
  for (const Setting& known : settings) names.push_back(known.name);
  throw ConfigError{fmt::format("{} has the unknown key {}; known are: {}", in_quotes(path),
                                in_quotes(item.fullname()), fmt::join(names, ", "))};
}

Source read_file(const std::string& path, const std::vector<Setting>& settings) {
  Source source(settings.size());
  if (path.empty()) return source;
  std::ifstream file{path};
  if (!file) throw ConfigError{fmt::format("--config: cannot read {}", in_quotes(path))};
  std::ostringstream content;
  content << file.rdbuf();
  std::istringstream text{std::string{base::skip_byte_order_mark(content.str())}};
  for (const CLI::ConfigItem& item : CLI::ConfigBase{}.from_config(text)) {
    const auto setting =
        std::find_if(settings.begin(), settings.end(), [&](const Setting& candidate) {
          return candidate.name == item.name && item.parents.empty();
        });
    if (setting == settings.end()) reject_key(path, item, settings);
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
  if (setting.kind == Setting::list) help += " (repeatable)";
  if (setting.kind == Setting::required) help += " (required)";
  return help;
}

void add_option(CLI::App& app, const Setting& setting, Values& values) {
  const std::string name = "--" + setting.name;
  if (setting.kind == Setting::flag) {
    app.add_flag_callback(
        name, [&values] { values = {"on"}; }, help_of(setting));
    return;
  }
  auto* option = app.add_option(name, values, help_of(setting));
  option->type_name(setting.type);
  if (setting.kind != Setting::list) {
    option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  }
}

// What no option takes may be the value of one whose name is misspelt, and that a secret: only
// names are shown.
void reject_extras(const Values& extras) {
  if (extras.empty()) return;
  for (const std::string& word : extras) {
    if (!word.starts_with("--")) continue;
    throw ConfigError{
        fmt::format("there is no option {}", in_quotes(word.substr(0, word.find('='))))};
  }
  throw ConfigError{"there is a word that belongs to no option"};
}

CommandLine read_command_line(const Program& program, const std::vector<Setting>& settings,
                              int argc, char** argv) {
  CommandLine line{Source(settings.size()), {}, false};
  CLI::App app{
      fmt::format(
          "{}\nEvery option is also an environment variable (EVENTCOLLECT_{}; lists split on "
          "white space)\nand a key of the config file ({} = …); flag before environment "
          "before file.",
          program.what, "MAX_AGE", "max-age"),
      program.name};
  app.set_version_flag("--version", std::string{version});
  app.add_option("--config", line.config, "A file of `key = value` lines")->type_name("FILE");
  for (std::size_t i = 0; i < settings.size(); ++i) add_option(app, settings[i], line.source[i]);
  app.allow_extras();
  try {
    app.parse(argc, argv);
    reject_extras(app.remaining());
  } catch (const CLI::Success& success) {
    app.exit(success);
    line.only_asked = true;
  } catch (const CLI::ConversionError&) {
    // Which would be shown.
    throw ConfigError{"a flag has a value that is neither true nor false"};
  } catch (const CLI::ParseError& error) {
    throw ConfigError{error.what()};
  }
  if (line.config.empty()) {
    if (const char* path = std::getenv("EVENTCOLLECT_CONFIG")) line.config = path;
  }
  return line;
}

void apply(const Setting& setting, const Values& values) {
  try {
    if (values.empty() && setting.kind == Setting::required) throw ConfigError{"is required"};
    if (values.empty()) return;
    if (setting.kind != Setting::list && values.size() != 1) throw ConfigError{"takes one value"};
    if (setting.kind != Setting::flag) return setting.apply(values);
    if (values[0] == "on" || values[0] == "1") return setting.apply(values);
    if (values[0] != "off" && values[0] != "0") {
      throw ConfigError{fmt::format("{} is neither on nor off", in_quotes(values[0]))};
    }
  } catch (const ConfigError& error) {
    throw ConfigError{fmt::format("--{}: {}", setting.name, error.what())};
  }
}

}  // namespace

bool read_settings(const Program& program, const std::vector<Setting>& settings, int argc,
                   char** argv) {
  const CommandLine line = read_command_line(program, settings, argc, argv);
  if (line.only_asked) return false;
  const Source environment = read_environment(settings);
  const Source file = read_file(line.config, settings);
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const Setting& setting = settings[i];
    const Values fallback = setting.fallback.empty() ? Values{} : Values{setting.fallback};
    const Values* first = &fallback;
    for (const Source* source : {&file, &environment, &line.source}) {
      if (!(*source)[i].empty()) first = &(*source)[i];
    }
    apply(setting, *first);
  }
  return true;
}

}  // namespace eventcollect::programs
