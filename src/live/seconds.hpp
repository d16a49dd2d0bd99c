// How many of something there were in each of the last seconds.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "eventcollect/clock.hpp"

namespace eventcollect::live {

// One thread at a time.
class Seconds {
 public:
  static constexpr std::size_t kept = 300;

  // Adds to the second of `time`; returns how many it had before. `time` may be earlier than the
  // last one: clocks are set back.
  std::uint64_t add(TimePoint time, std::uint64_t count);

  // Appends a JSON array of `kept` numbers, the last of them of the second of `now`.
  void append(std::string& json, TimePoint now) const;

 private:
  struct Second {
    std::int64_t number = -1;  // since the epoch
    std::uint64_t count = 0;
  };

  std::array<Second, kept> seconds_{};
};

}  // namespace eventcollect::live
