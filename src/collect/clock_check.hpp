// Whether the clock can be believed: without it no event can be stamped.
#pragma once

#include <optional>

#include "eventcollect/clock.hpp"
#include "eventcollect/error.hpp"

namespace eventcollect::collect {

// Says so where `now` is before the build or beyond the year 9999.
std::optional<Error> wrong_clock(TimePoint now);

}  // namespace eventcollect::collect
