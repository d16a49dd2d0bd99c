#include "server/spool_metrics.hpp"

#include "metrics/metrics_text.hpp"

namespace eventcollect::server {

std::string render_spool_metrics(const std::vector<SpoolStatistics>& targets) {
  using Kind = metrics::MetricNumber::Kind;
  std::vector<metrics::MetricNumber> numbers;
  const auto add = [&](Kind kind, const std::string& name, const std::string& help, auto number) {
    for (const SpoolStatistics& target : targets) {
      numbers.push_back({kind, "eventcollect_spool_" + name, help,
                         static_cast<double>(number(target)), "target", target.target});
    }
  };
  add(Kind::gauge, "backlog_bytes", "Bytes of events that the target does not have yet.",
      [](const SpoolStatistics& target) { return target.backlog_bytes; });
  add(Kind::gauge, "oldest_event_age_seconds", "Age of the first event that it does not have.",
      [](const SpoolStatistics& target) {
        return std::chrono::duration<double>(target.oldest_age).count();
      });
  add(Kind::counter, "events_forwarded_total", "Events that the target has stored.",
      [](const SpoolStatistics& target) { return target.events_forwarded; });
  add(Kind::counter, "events_rejected_total", "Events that became dead letters on the way to it.",
      [](const SpoolStatistics& target) { return target.events_rejected; });
  add(Kind::counter, "failures_total", "Attempts to forward that failed.",
      [](const SpoolStatistics& target) { return target.failures; });
  return metrics::render_numbers(numbers);
}

}  // namespace eventcollect::server
