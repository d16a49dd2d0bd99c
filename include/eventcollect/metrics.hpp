// The numbers of a collector and its endpoint as Prometheus text.
//
//   app.Get("/metrics", [&](const auto&, auto& response) {
//     response.set_content(render_metrics(events.statistics(), endpoint.statistics()),
//                          metrics_content_type);
//   });
#pragma once

#include <string>

#include "eventcollect/statistics.hpp"

namespace eventcollect {

// The Content-Type of the text (Prometheus text format 0.0.4).
inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

// The names begin with "eventcollect_" and end in their unit. Safe from any thread.
std::string render_metrics(const CollectorStatistics& collected,
                           const EndpointStatistics& answered);

}  // namespace eventcollect
