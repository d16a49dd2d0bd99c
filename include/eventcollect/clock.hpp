// Time as eventcollect sees it: milliseconds since the Unix epoch, UTC.
//
//   eventcollect::TimePoint now = eventcollect::system_clock().now();
//
// Everything that needs the time takes a Clock, so that a test can hand in a ManualClock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eventcollect {

// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
using TimePoint = std::chrono::sys_time<std::chrono::milliseconds>;

constexpr std::int64_t to_milliseconds(TimePoint time) { return time.time_since_epoch().count(); }

constexpr TimePoint from_milliseconds(std::int64_t milliseconds) {
  return TimePoint{std::chrono::milliseconds{milliseconds}};
}

// The last instant that a client may name: 9999-12-31T23:59:59.999Z. The first is the epoch.
inline constexpr TimePoint latest_time = from_milliseconds(253'402'300'799'999);

// A source of the current time. Implementations are safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
};

// The machine's real-time clock (CLOCK_REALTIME). It may jump when it is set.
const Clock& system_clock();

// A clock that stands still until it is told otherwise. Safe from any thread.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimePoint start) : milliseconds_{to_milliseconds(start)} {}

  TimePoint now() const override { return from_milliseconds(milliseconds_.load()); }
  void set(TimePoint time) { milliseconds_.store(to_milliseconds(time)); }
  void advance(std::chrono::milliseconds by) { milliseconds_.fetch_add(by.count()); }

 private:
  std::atomic<std::int64_t> milliseconds_;
};

// When this library was built (or SOURCE_DATE_EPOCH). A clock that says less is wrong.
TimePoint build_time();

// Reads an RFC 3339 date-time ("2026-11-23T18:15:00.123+01:00"), 1970 to 9999. Digits beyond the
// millisecond are cut, a leap second counts as the second after it. Nothing if it is not one.
std::optional<TimePoint> parse_rfc3339(std::string_view text);

// "2026-11-23T17:15:00.123Z". `time` lies between the epoch and latest_time.
std::string format_rfc3339(TimePoint time);

}  // namespace eventcollect
