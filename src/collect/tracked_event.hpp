// A tracked event as the text of a request, so that the same rules judge it.
#pragma once

#include <string>
#include <string_view>

#include "eventcollect/collector.hpp"

namespace eventcollect::collect {

std::string tracked_event(std::string_view name, const Properties& properties, TimePoint now,
                          const TrackOptions& options);

}  // namespace eventcollect::collect
