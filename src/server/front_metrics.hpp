// A front's numbers as Prometheus text.
#pragma once

#include <string>

#include "http/front.hpp"

namespace eventcollect {

// Goes with what render_metrics renders: the names begin with "eventcollect_http_", and none is in
// both.
std::string render_front_metrics(const FrontStatistics& front);

}  // namespace eventcollect
