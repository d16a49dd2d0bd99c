#include "eventcollect/metrics.hpp"

#include "metrics/metrics_text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace eventcollect {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Label = ClientMetric::Label;

// Metric families in the order in which they were added.
class Families {
 public:
  MetricFamily& add(MetricType type, std::string name, std::string help) {
    MetricFamily& family = families_.emplace_back();
    family.name = std::move(name);
    family.help = std::move(help);
    family.type = type;
    return family;
  }

  std::string render() const { return prometheus::TextSerializer{}.Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

void add_counter(MetricFamily& family, std::uint64_t value, std::vector<Label> labels = {}) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
}

void add_gauge(MetricFamily& family, double value, std::vector<Label> labels) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  metric.gauge.value = value;
}

void add_histogram(MetricFamily& family, const DurationHistogram& histogram,
                   std::vector<Label> labels) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    cumulative += histogram.counts[i];
    const double bound = i < DurationHistogram::bounds.size()
                             ? DurationHistogram::bounds[i]
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = histogram.sum_seconds;
}

// One sink's numbers under the label that tells it from the other.
struct NamedSink {
  const char* name;
  const SinkStatistics& numbers;
};

void add_counters(Families& families, const std::vector<NamedSink>& sinks, std::string name,
                  std::string help, std::uint64_t SinkStatistics::*number) {
  MetricFamily& family = families.add(MetricType::Counter, std::move(name), std::move(help));
  for (const NamedSink& sink : sinks) {
    add_counter(family, sink.numbers.*number, {{"sink", sink.name}});
  }
}

void add_gauges(Families& families, const std::vector<NamedSink>& sinks, std::string name,
                std::string help, std::uint64_t SinkStatistics::*number) {
  MetricFamily& family = families.add(MetricType::Gauge, std::move(name), std::move(help));
  for (const NamedSink& sink : sinks) {
    add_gauge(family, static_cast<double>(sink.numbers.*number), {{"sink", sink.name}});
  }
}

void add_sinks(Families& families, const std::vector<NamedSink>& sinks) {
  using Numbers = SinkStatistics;
  add_counters(families, sinks, "eventcollect_sink_events_stored_total",
               "Events that the sink has stored.", &Numbers::events_stored);
  add_counters(families, sinks, "eventcollect_sink_events_rejected_total",
               "Events that the sink rejected.", &Numbers::events_rejected);
  add_counters(families, sinks, "eventcollect_sink_events_lost_total",
               "Events that were given up and that no client sends again.", &Numbers::events_lost);
  add_counters(families, sinks, "eventcollect_sink_batches_stored_total",
               "Batches that the sink has stored.", &Numbers::batches_stored);
  add_counters(families, sinks, "eventcollect_sink_queue_full_total",
               "Submissions turned away because the queue was full.", &Numbers::queue_full);
  add_counters(families, sinks, "eventcollect_sink_deadlines_missed_total",
               "Submissions that the sink did not confirm in time.", &Numbers::deadlines_missed);
  MetricFamily& failures = families.add(MetricType::Counter, "eventcollect_sink_failures_total",
                                        "Calls of the sink that failed, by what is known of it.");
  for (const NamedSink& sink : sinks) {
    constexpr std::array kinds{"unavailable", "misconfigured", "in_doubt"};
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
      add_counter(failures, sink.numbers.failures[kind],
                  {{"kind", kinds[kind]}, {"sink", sink.name}});
    }
  }
  add_gauges(families, sinks, "eventcollect_sink_queued_events", "Events not yet durable.",
             &Numbers::queued_events);
  add_gauges(families, sinks, "eventcollect_sink_queued_bytes", "Bytes of events not yet durable.",
             &Numbers::queued_bytes);
  MetricFamily& ready = families.add(MetricType::Gauge, "eventcollect_sink_ready",
                                     "1 if the last call of the sink succeeded, else 0.");
  for (const NamedSink& sink : sinks) {
    add_gauge(ready, sink.numbers.ready ? 1 : 0, {{"sink", sink.name}});
  }
  MetricFamily& seconds =
      families.add(MetricType::Histogram, "eventcollect_sink_write_duration_seconds",
                   "How long the sink took to store a batch.");
  for (const NamedSink& sink : sinks) {
    add_histogram(seconds, sink.numbers.write_seconds, {{"sink", sink.name}});
  }
}

}  // namespace

std::string render_metrics(const CollectorStatistics& collected,
                           const EndpointStatistics& answered) {
  Families families;
  MetricFamily& responses = families.add(MetricType::Counter, "eventcollect_http_responses_total",
                                         "Answers given at the events path, by HTTP status.");
  for (const auto& [status, count] : answered.responses) {
    add_counter(responses, count, {{"status", std::to_string(status)}});
  }
  add_counter(families.add(MetricType::Counter, "eventcollect_events_accepted_total",
                           "Events that the rules accepted."),
              collected.events_accepted);
  MetricFamily& rejected = families.add(MetricType::Counter, "eventcollect_events_rejected_total",
                                        "Events and bodies that the rules rejected, by code.");
  for (std::size_t i = 0; i < collected.events_rejected.size(); ++i) {
    add_counter(rejected, collected.events_rejected[i], {{"code", std::string{all_codes[i]}}});
  }
  add_counter(families.add(MetricType::Counter, "eventcollect_dead_letters_over_rate_total",
                           "Dead letters that were only counted, since too many came at once."),
              collected.dead_letters_over_rate);
  add_sinks(families, {{"events", collected.sink}, {"dead_letters", collected.dead_letters}});
  return families.render();
}

}  // namespace eventcollect

namespace eventcollect::metrics {

std::string render_numbers(const std::vector<MetricNumber>& numbers) {
  Families families;
  MetricFamily* family = nullptr;
  for (const MetricNumber& number : numbers) {
    const bool counts = number.kind == MetricNumber::Kind::counter;
    if (family == nullptr || family->name != number.name) {
      family =
          &families.add(counts ? MetricType::Counter : MetricType::Gauge, number.name, number.help);
    }
    std::vector<Label> labels;
    if (!number.label.empty()) labels.push_back({number.label, number.label_value});
    ClientMetric& metric = family->metric.emplace_back();
    metric.label = std::move(labels);
    (counts ? metric.counter.value : metric.gauge.value) = number.value;
  }
  return families.render();
}

}  // namespace eventcollect::metrics
