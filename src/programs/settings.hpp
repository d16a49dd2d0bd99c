// What a program can be told, and by whom: flag before environment before file before default.
//
//   ArchiveOptions options;
//   if (!read_settings(program, {{"from", "URL", "", "Where events come from", Setting::one,
//                                 [&](auto& values) { options.from = values[0]; }}}, argc, argv))
//     return EXIT_SUCCESS;                                     // it was only asked for --help
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "eventcollect/url.hpp"

namespace eventcollect::programs {

using Values = std::vector<std::string>;

// One option: its name, which is also its key in a file and, in capitals, its variable
// (EVENTCOLLECT_MAX_AGE).
struct Setting {
  enum Kind : std::uint8_t {
    one,       // takes one value
    required,  // and has to have it
    list,      // may be given several times; a variable is split on white space
    flag,      // on the command line without a value; elsewhere "on" or "1", "off" or "0"
  };

  std::string name;
  std::string type;
  std::string fallback;  // the default; empty: there is none
  std::string help;
  Kind kind = one;
  // Gets at least one value, unless it is a list exactly one. Throws ConfigError.
  std::function<void(const Values&)> apply;
};

struct Program {
  std::string name;
  std::string what;  // it does, for --help
};

// Reads the command line, the environment and the file that --config names, and applies each
// setting. Throws ConfigError for what is wrong in any of them. False where the user only asked for
// --help or --version, which it prints.
bool read_settings(const Program& program, const std::vector<Setting>& settings, int argc,
                   char** argv);

// The whole number that `text` is. Throws ConfigError where it is not one from `min` to `max`.
std::size_t parse_count(const std::string& text, std::size_t min, std::size_t max);

// As parse_duration() and parse_bytes(), for what must be greater than 0.
std::chrono::milliseconds parse_positive_duration(const std::string& text);
std::uint64_t parse_positive_bytes(const std::string& text);

// The text that parse_bytes() and parse_duration() read as this value, for the fallback of a
// setting whose default stands in the options of the library.
std::string bytes_text(std::uint64_t bytes);
std::string duration_text(std::chrono::milliseconds duration);

// The non-empty parts of `text` between any of the characters of `separators`.
Values split(std::string_view text, std::string_view separators);

}  // namespace eventcollect::programs
