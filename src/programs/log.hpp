// What a program says of itself: one line for a start, a stop, an error; never an event's content.
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace eventcollect::programs {

// Writes lines, each with the time. What others sent may be part of a line: its control characters
// are escaped, and it is cut off after 2 KiB. A line that there is no memory for is left out: no
// program ends for it. Safe from any thread.
class Log {
 public:
  // What tells how much time has passed.
  using Stopwatch = std::function<std::chrono::steady_clock::time_point()>;

  explicit Log(std::FILE* to = stderr, Stopwatch now = std::chrono::steady_clock::now)
      : to_{to}, now_{std::move(now)} {}

  // A line as fmt::format makes it.
  template <typename... Values>
  void say(fmt::format_string<Values...> format, Values&&... values) {
    say_formatted(format, fmt::make_format_args(values...));
  }

  // The same, but lines with the same `topic` come at most every ten seconds; the next one then
  // says how many were left out.
  template <typename... Values>
  void say_seldom(std::string_view topic, fmt::format_string<Values...> format,
                  Values&&... values) {
    say_seldom_formatted(topic, format, fmt::make_format_args(values...));
  }

 private:
  struct Topic {
    std::chrono::steady_clock::time_point next;
    std::size_t left_out = 0;
  };

  void say_formatted(fmt::string_view format, fmt::format_args values);
  void say_seldom_formatted(std::string_view topic, fmt::string_view format,
                            fmt::format_args values);
  void write(std::string_view line);
  std::optional<std::size_t> next_of(std::string_view topic);

  std::FILE* const to_;
  const Stopwatch now_;
  std::mutex mutex_;
  std::map<std::string, Topic, std::less<>> topics_;
};

}  // namespace eventcollect::programs
