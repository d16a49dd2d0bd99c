#include "collect/clock_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "eventcollect/codes.hpp"

namespace eventcollect::collect {

std::optional<Error> wrong_clock(TimePoint now) {
  if (now >= build_time() && now <= latest_time) return {};
  return Error{
      Error::unavailable,
      fmt::format("{}: the clock shows {}, and this program was built at {}: no event is "
                  "accepted until the clock is set",
                  code::clock_wrong, format_rfc3339(std::clamp(now, TimePoint{}, latest_time)),
                  format_rfc3339(build_time()))};
}

}  // namespace eventcollect::collect
