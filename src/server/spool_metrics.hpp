// A spool's numbers as Prometheus text.
#pragma once

#include <string>
#include <vector>

#include "eventcollect/spool.hpp"

namespace eventcollect::server {

// Goes with what render_metrics renders: the names begin with "eventcollect_spool_".
std::string render_spool_metrics(const std::vector<SpoolStatistics>& targets);

}  // namespace eventcollect::server
