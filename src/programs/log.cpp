#include "programs/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/printable.hpp"
#include "eventcollect/clock.hpp"

namespace eventcollect::programs {
namespace {

constexpr std::chrono::seconds pause{10};

}  // namespace

void Log::say(std::string_view line) {
  std::string text{line};
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  text = fmt::format("{} {}\n", format_rfc3339(system_clock().now()), base::printable(text));
  // One call, so that lines of several threads do not mix. A log that is full is no reason to end.
  std::fwrite(text.data(), 1, text.size(), to_);
}

void Log::say_seldom(std::string_view topic, std::string_view line) {
  const auto now = now_();
  std::size_t left_out = 0;
  {
    const std::lock_guard lock{mutex_};
    Topic& state = topics_.try_emplace(std::string{topic}).first->second;
    if (now < state.next) {
      ++state.left_out;
      return;
    }
    state.next = now + pause;
    left_out = std::exchange(state.left_out, 0);
  }
  say(left_out == 0 ? std::string{line}
                    : fmt::format("{} ({} more like it left out)", line, left_out));
}

}  // namespace eventcollect::programs
