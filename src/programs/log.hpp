// What a program says of itself: one line for a start, a stop, an error; never an event's content.
#pragma once

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace eventcollect::programs {

// Writes lines, each with the time. What others sent may be part of a line: its control characters
// are escaped, and it is cut off after 2 KiB. Safe from any thread.
class Log {
 public:
  // What tells how much time has passed.
  using Stopwatch = std::function<std::chrono::steady_clock::time_point()>;

  explicit Log(std::FILE* to = stderr, Stopwatch now = std::chrono::steady_clock::now)
      : to_{to}, now_{std::move(now)} {}

  void say(std::string_view line);

  // The same, but lines with the same `topic` come at most every ten seconds; the next one then
  // says how many were left out.
  void say_seldom(std::string_view topic, std::string_view line);

 private:
  struct Topic {
    std::chrono::steady_clock::time_point next;
    std::size_t left_out = 0;
  };

  std::FILE* const to_;
  const Stopwatch now_;
  std::mutex mutex_;
  std::map<std::string, Topic, std::less<>> topics_;
};

}  // namespace eventcollect::programs
