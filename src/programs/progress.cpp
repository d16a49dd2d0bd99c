#include "programs/progress.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace eventcollect::programs {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds redraw_interval{200};

std::string line_of(const LoadStatistics& so_far, steady_clock::duration elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const double events_per_second = seconds > 0 ? static_cast<double>(so_far.events) / seconds : 0.0;
  std::string line = fmt::format("{} objects, {} events, {:.0f} events/s", so_far.objects,
                                 so_far.events, events_per_second);
  if (so_far.bytes > 0 && so_far.bytes_left > 0) {
    const auto left = std::chrono::seconds{static_cast<std::int64_t>(
        seconds * static_cast<double>(so_far.bytes_left) / static_cast<double>(so_far.bytes))};
    line += fmt::format(", {} objects left, about {:%T}", so_far.objects_left, left);
  }
  return line;
}

}  // namespace

Progress::Progress(Log& log) : log_{log}, on_terminal_{::isatty(STDERR_FILENO) == 1} {}

void Progress::begin() { begin_ = steady_clock::now(); }

void Progress::show(const LoadStatistics& so_far) {
  const auto now = steady_clock::now();
  if (!on_terminal_) return log_.say_seldom("progress", "{}", line_of(so_far, now - begin_));
  if (now - shown_ < redraw_interval) return;
  shown_ = now;
  constexpr std::string_view erase_rest = "\x1b[K";
  fmt::print(stderr, "\r{}{}", line_of(so_far, now - begin_), erase_rest);
  std::fflush(stderr);
}

void Progress::end(const LoadStatistics& done) {
  if (on_terminal_) fmt::print(stderr, "\r\x1b[K");
  log_.say("{} objects with {} events loaded, {} objects skipped, {} dead letters", done.objects,
           done.events, done.objects_skipped, done.rejected + done.unreadable);
}

}  // namespace eventcollect::programs
