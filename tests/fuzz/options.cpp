// Any command line, environment and config file: they make options that can be served with, or a
// ConfigError; and where one setting is told alone, it does not matter which of the three tells it.
//
// The input: arguments, one a line; an empty line; variables; an empty line; the file.
#include "server/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eventcollect/url.hpp"
#include "fuzz/require.hpp"
#include "fuzz/work.hpp"

namespace {

using namespace eventcollect;
using fuzz::require;

using Lines = std::vector<std::string>;

// A file without a place on any disk.
class ConfigFile {
 public:
  void write(std::string_view text) const {
    const bool written = ::ftruncate(file_, 0) == 0 && ::lseek(file_, 0, SEEK_SET) == 0 &&
                         ::write(file_, text.data(), text.size()) == ssize_t(text.size());
    require(written, "memory can be written");
  }
  std::string path() const { return fmt::format("/proc/self/fd/{}", file_); }

 private:
  const int file_ = ::memfd_create("config", MFD_CLOEXEC);
};

// Lines up to an empty one, which is taken off the front of `input` as well.
Lines take_lines(std::string_view& input) {
  Lines lines;
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    std::string line{input.substr(0, end)};
    input.remove_prefix(std::min(end + 1, input.size()));
    if (line.empty()) break;
    std::erase(line, '\0');  // which neither an argument nor a variable can hold
    lines.push_back(std::move(line));
  }
  return lines;
}

void check(const server::Options& options) {
  require(options.threads >= 1 && options.threads <= 256, "the threads are bounded");
  require(options.endpoint.max_body_bytes > 0, "a body may have bytes");
  require(options.collector.acknowledge_timeout.count() > 0, "a sink has time");
  require(options.drain_delay.count() >= 0 && options.drain_timeout.count() >= 0,
          "no time is negative");
  require(!options.to.empty(), "there is a place for events");
  check(options.endpoint);  // throws where the endpoint would
}

// All of the options in one text, or that there are none.
std::string text_of(const server::Options& options) {
  const EndpointOptions& endpoint = options.endpoint;
  const CollectorOptions& collector = options.collector;
  return fmt::format(
      "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", options.listen.text(),
      options.admin ? options.admin->text() : "none", fmt::join(options.to, ","),
      options.dead_letter, options.page, options.drain_delay.count(), options.drain_timeout.count(),
      options.threads, endpoint.path, endpoint.max_body_bytes,
      fmt::join(endpoint.allowed_origins, ","), fmt::join(endpoint.trusted_proxies, ","),
      endpoint.context.ip, endpoint.context.user_agent, endpoint.context.referrer,
      collector.rules.max_events, collector.rules.strip_query, collector.rules.strip_fragment,
      collector.acknowledge == Acknowledge::durable, collector.acknowledge_timeout.count(),
      collector.max_queue_bytes);
}

// What the server makes of these arguments; "rejected" where it would not start with them.
std::string read(Lines arguments) {
  arguments.insert(arguments.begin(), "eventcollect-server");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  try {
    const auto options = server::read_options(static_cast<int>(arguments.size()), pointers.data());
    if (!options) return "only asked";
    check(*options);
    return text_of(*options);
  } catch (const ConfigError&) {
    return "rejected";
  }
}

// The variables that are set while it lives.
class Environment {
 public:
  explicit Environment(const Lines& lines) {
    for (const std::string& line : lines) {
      const std::size_t equals = line.find('=');
      const std::string name = "EVENTCOLLECT_" + line.substr(0, equals);
      if (equals == std::string::npos || name == "EVENTCOLLECT_CONFIG") continue;
      ::setenv(name.c_str(), line.c_str() + equals + 1, 1);
      names_.push_back(name);
    }
  }
  ~Environment() {
    for (const std::string& name : names_) ::unsetenv(name.c_str());
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  Lines names_;
};

// Characters that mean the same everywhere: no white space, quotes, brackets or comments.
bool is_plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view{":/.?=&%-_+@"}.find(c) != std::string_view::npos;
  });
}

// `argument` alone as --name=value, as a variable and as a line of a file.
void check_ways(const std::string& argument, const ConfigFile& file) {
  const std::size_t equals = argument.find('=');
  if (!argument.starts_with("--") || equals == std::string::npos) return;
  const std::string name = argument.substr(2, equals - 2);
  const std::string value = argument.substr(equals + 1);
  if (name == "help" || name == "version") return;  // questions, and no settings
  const auto is_of_name = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
  if (!std::all_of(name.begin(), name.end(), is_of_name) || !is_plain(value)) return;
  const std::string by_flag = read({argument});
  file.write(name + " = " + value + "\n");
  require(read({"--config", file.path()}) == by_flag, "a file says the same as a flag");
  std::string variable = name + "=" + value;
  for (std::size_t i = 0; i < name.size(); ++i) {
    variable[i] = name[i] == '-' ? '_' : static_cast<char>(std::toupper(name[i]));
  }
  const std::string without = read({});
  const Environment environment{{variable}};
  const std::string by_variable = read({});
  // An unknown name is an error of a flag, while a variable of such a name may be another
  // program's.
  const bool is_none_of_ours = by_flag == "rejected" && by_variable == without;
  require(by_variable == by_flag || is_none_of_ours, "a variable says the same as a flag");
}

void check_input(std::string_view input) {
  static const ConfigFile file;
  static const bool is_quiet = std::cout.rdbuf(nullptr) != nullptr;  // --help speaks
  static_cast<void>(is_quiet);
  Lines arguments = take_lines(input);
  // Any other file could be one without an end.
  std::erase_if(arguments, [](const std::string& one) { return one.starts_with("--config"); });
  const Lines variables = take_lines(input);
  if (!arguments.empty()) check_ways(arguments.front(), file);
  file.write(input);
  if (!input.empty()) arguments.insert(arguments.end(), {"--config", file.path()});
  const Environment environment{variables};
  read(arguments);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 2 << 20, .bytes_per_byte = 1'500, .copies_per_byte = 5'000};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
