#include "server/front_metrics.hpp"

#include "metrics/metrics_text.hpp"

namespace eventcollect {

std::string render_front_metrics(const FrontStatistics& front) {
  using Kind = MetricNumber::Kind;
  const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
  return render_numbers({
      {Kind::gauge, "eventcollect_http_connections_open", "Connections open now.",
       number(front.connections_open)},
      {Kind::counter, "eventcollect_http_connections_accepted_total",
       "Connections that were accepted.", number(front.connections_accepted)},
      {Kind::counter, "eventcollect_http_connections_evicted_total",
       "Idle connections closed to make room, and new ones for which there was none.",
       number(front.connections_evicted)},
      {Kind::counter, "eventcollect_http_requests_timed_out_total",
       "Requests that did not come in time.", number(front.requests_timed_out)},
      {Kind::counter, "eventcollect_http_requests_malformed_total",
       "Requests that were no HTTP that we know.", number(front.requests_malformed)},
      {Kind::gauge, "eventcollect_http_buffered_bytes",
       "Bytes of requests that have not come whole.", number(front.buffered_bytes)},
  });
}

}  // namespace eventcollect
