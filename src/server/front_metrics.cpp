#include "server/front_metrics.hpp"

#include "metrics/metrics_text.hpp"

namespace eventcollect::server {

std::string render_front_metrics(const http::Statistics& front) {
  using Kind = metrics::MetricNumber::Kind;
  const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
  return metrics::render_numbers({
      {Kind::gauge, "eventcollect_http_connections_open", "Connections open now.",
       number(front.connections_open)},
      {Kind::counter, "eventcollect_http_connections_accepted_total",
       "Connections that were accepted.", number(front.connections_accepted)},
      {Kind::counter, "eventcollect_http_connections_evicted_total",
       "Connections that were ended before their time to keep a bound.",
       number(front.connections_evicted)},
      {Kind::counter, "eventcollect_http_requests_timed_out_total",
       "Requests that did not arrive in time.", number(front.requests_timed_out)},
      {Kind::counter, "eventcollect_http_requests_malformed_total",
       "Requests that were malformed HTTP, or had an unsupported transfer coding.",
       number(front.requests_malformed)},
      {Kind::gauge, "eventcollect_http_buffered_bytes", "Bytes of requests that are not complete.",
       number(front.buffered_bytes)},
      {Kind::gauge, "eventcollect_http_unsent_bytes", "Bytes of answers that clients do not take.",
       number(front.unsent_bytes)},
  });
}

}  // namespace eventcollect::server
