// Which key is what: the folders of a store.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/clock.hpp"

namespace eventcollect::objects {

inline constexpr std::string_view raw_folder = "raw/";
inline constexpr std::string_view hourly_folder = "hourly/";
inline constexpr std::string_view plans_folder = "plans/";
inline constexpr std::string_view quarantine_folder = "quarantine/";
inline constexpr std::string_view events_suffix = ".json.gz";
inline constexpr std::string_view letters_suffix = ".letters.json.gz";  // in quarantine_folder

// An hour of server_time, UTC. A value type, in the order of time.
class Hour {
 public:
  explicit Hour(TimePoint time) : begin_{std::chrono::floor<std::chrono::hours>(time)} {}

  TimePoint begin() const { return begin_; }
  TimePoint end() const { return begin_ + std::chrono::hours{1}; }
  bool holds(TimePoint time) const { return time >= begin() && time < end(); }

  // "dt=2026-11-23/hour=18/"
  std::string partition() const;

  // The hour of a key in one of the folders ("raw/dt=2026-11-23/hour=18/1.json.gz"); nothing if it
  // is of none.
  static std::optional<Hour> of_key(std::string_view key);

  auto operator<=>(const Hour&) const = default;  // NOLINT(modernize-use-nullptr)

 private:
  TimePoint begin_;
};

}  // namespace eventcollect::objects
