// Whether the clock can be believed: without it no event can be stamped.
#pragma once

#include <memory>
#include <optional>

#include "eventcollect/clock.hpp"
#include "eventcollect/sink.hpp"

namespace eventcollect::collect {

// Says so where `now` is before the build or beyond the year 9999.
std::optional<Error> wrong_clock(TimePoint now);

// Stores what it is given as `sink` does, but cannot be maintained while the clock is wrong: so a
// collector before it is not ready, and an operator is told. `clock` has to outlive it.
std::shared_ptr<Sink> with_clock_check(std::shared_ptr<Sink> sink, const Clock& clock);

}  // namespace eventcollect::collect
