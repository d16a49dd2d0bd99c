// A time as most SQL databases read and write it.
#pragma once

#include <array>
#include <string_view>

#include "eventcollect/clock.hpp"

namespace eventcollect::base {

// A time as text, "2026-11-23 17:15:00.123", in UTC. Keeps what it wrote: events that came together
// have a server_time in common.
class TimeText {
 public:
  // Lives until the next call. `time` lies between the epoch and latest_time.
  std::string_view of(TimePoint time);

 private:
  TimePoint time_{};
  std::array<char, 23> text_{'1', '9', '7', '0', '-', '0', '1', '-', '0', '1', ' ', '0',
                             '0', ':', '0', '0', ':', '0', '0', '.', '0', '0', '0'};
};

}  // namespace eventcollect::base
