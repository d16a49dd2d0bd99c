// The numbers of a collector and its endpoint as Prometheus text.
//
//   app.Get("/metrics", [&](const auto&, auto& response) {
//     response.set_content(render_metrics(events.statistics(), endpoint.statistics()),
//                          metrics_content_type);
//   });
#pragma once

#include <span>
#include <string>

#include "eventcollect/statistics.hpp"

namespace eventcollect {

// The Content-Type of the text (Prometheus text format 0.0.4).
inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

// What one collector and its endpoint have counted.
struct MetricsSource {
  CollectorStatistics collected{};
  EndpointStatistics answered{};
};

// The names begin with "eventcollect_" and end in their unit. A collector that has a name
// (CollectorOptions) has it as the label "collector" of each number. Safe from any thread.
std::string render_metrics(const CollectorStatistics& collected,
                           const EndpointStatistics& answered);

// The same of several collectors in one text, as a process may have only one. Throws
// std::invalid_argument where two have the same name.
std::string render_metrics(std::span<const MetricsSource> sources);

}  // namespace eventcollect
