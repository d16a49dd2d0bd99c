#include "programs/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/printable.hpp"
#include "eventcollect/clock.hpp"

namespace eventcollect::programs {
namespace {

constexpr std::chrono::seconds pause{10};

}  // namespace

void Log::say_formatted(fmt::string_view format, fmt::format_args values) {
  try {
    write(fmt::vformat(format, values));
  } catch (const std::bad_alloc&) {
  }
}

void Log::say_seldom_formatted(std::string_view topic, fmt::string_view format,
                               fmt::format_args values) {
  try {
    const auto left_out = next_of(topic);
    if (!left_out) return;
    std::string line = fmt::vformat(format, values);
    if (*left_out > 0) line += fmt::format(" ({} more like it left out)", *left_out);
    write(line);
  } catch (const std::bad_alloc&) {
  }
}

// How many lines of the topic were left out before the next, or nothing if that is left out, too.
std::optional<std::size_t> Log::next_of(std::string_view topic) {
  const auto now = now_();
  const std::lock_guard lock{mutex_};
  Topic& state = topics_.try_emplace(std::string{topic}).first->second;
  if (now < state.next) {
    ++state.left_out;
    return {};
  }
  state.next = now + pause;
  return std::exchange(state.left_out, 0);
}

void Log::write(std::string_view line) {
  std::string text{line};
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  text = fmt::format("{} {}\n", format_rfc3339(system_clock().now()), base::printable(text));
  // One call, so that lines of several threads do not mix. A log that is full is no reason to end.
  std::fwrite(text.data(), 1, text.size(), to_);
}

}  // namespace eventcollect::programs
