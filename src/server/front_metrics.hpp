// A front's numbers as Prometheus text.
#pragma once

#include <string>

#include "http/statistics.hpp"

namespace eventcollect::server {

// Goes with what render_metrics renders: the names begin with "eventcollect_http_", and none is in
// both.
std::string render_front_metrics(const http::Statistics& front);

}  // namespace eventcollect::server
