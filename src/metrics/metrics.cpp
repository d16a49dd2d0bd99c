#include "eventcollect/metrics.hpp"

#include "metrics/metrics_text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <set>
#include <stdexcept>
#include <string_view>

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

using Sources = std::span<const MetricsSource>;
using Labels = std::vector<Label>;

// Those of `source`, and `own`.
Labels labels_of(const MetricsSource& source, Labels own = {}) {
  const std::string& name = source.collected.name;
  if (!name.empty()) own.insert(own.begin(), {"collector", name});
  return own;
}

// Calls `function` with the numbers of each sink and the labels that tell it from the others.
template <typename Function>
void for_each_sink(Sources sources, Function&& function) {
  for (const MetricsSource& source : sources) {
    function(source.collected.sink, labels_of(source, {{"sink", "events"}}));
    function(source.collected.dead_letters, labels_of(source, {{"sink", "dead_letters"}}));
  }
}

void add_counters(Families& families, Sources sources, std::string name, std::string help,
                  std::uint64_t SinkStatistics::*number) {
  MetricFamily& family = families.add(MetricType::Counter, std::move(name), std::move(help));
  for_each_sink(sources, [&](const SinkStatistics& numbers, Labels labels) {
    add_counter(family, numbers.*number, std::move(labels));
  });
}

void add_gauges(Families& families, Sources sources, std::string name, std::string help,
                std::uint64_t SinkStatistics::*number) {
  MetricFamily& family = families.add(MetricType::Gauge, std::move(name), std::move(help));
  for_each_sink(sources, [&](const SinkStatistics& numbers, Labels labels) {
    add_gauge(family, static_cast<double>(numbers.*number), std::move(labels));
  });
}

void add_failures(Families& families, Sources sources) {
  MetricFamily& family = families.add(MetricType::Counter, "eventcollect_sink_failures_total",
                                      "Calls of the sink that failed, by what is known of it.");
  for_each_sink(sources, [&](const SinkStatistics& numbers, const Labels& labels) {
    constexpr std::array kinds{"unavailable", "misconfigured", "in_doubt"};
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
      Labels with_kind = labels;
      with_kind.push_back({"kind", kinds[kind]});
      add_counter(family, numbers.failures[kind], std::move(with_kind));
    }
  });
}

void add_sinks(Families& families, Sources sources) {
  using Numbers = SinkStatistics;
  add_counters(families, sources, "eventcollect_sink_events_stored_total",
               "Events that the sink has stored.", &Numbers::events_stored);
  add_counters(families, sources, "eventcollect_sink_events_rejected_total",
               "Events that the sink rejected.", &Numbers::events_rejected);
  add_counters(families, sources, "eventcollect_sink_events_lost_total",
               "Events that were given up and that no client sends again.", &Numbers::events_lost);
  add_counters(families, sources, "eventcollect_sink_batches_stored_total",
               "Batches that the sink has stored.", &Numbers::batches_stored);
  add_counters(families, sources, "eventcollect_sink_queue_full_total",
               "Submissions turned away because the queue was full.", &Numbers::queue_full);
  add_counters(families, sources, "eventcollect_sink_deadlines_missed_total",
               "Submissions that the sink did not confirm in time.", &Numbers::deadlines_missed);
  add_failures(families, sources);
  add_gauges(families, sources, "eventcollect_sink_queued_events", "Events not yet durable.",
             &Numbers::queued_events);
  add_gauges(families, sources, "eventcollect_sink_queued_bytes",
             "Bytes of events not yet durable.", &Numbers::queued_bytes);
  MetricFamily& ready = families.add(MetricType::Gauge, "eventcollect_sink_ready",
                                     "1 if the last call of the sink succeeded, else 0.");
  for_each_sink(sources, [&](const SinkStatistics& numbers, Labels labels) {
    add_gauge(ready, numbers.ready ? 1 : 0, std::move(labels));
  });
  MetricFamily& seconds =
      families.add(MetricType::Histogram, "eventcollect_sink_write_duration_seconds",
                   "How long the sink took to store a batch.");
  for_each_sink(sources, [&](const SinkStatistics& numbers, Labels labels) {
    add_histogram(seconds, numbers.write_seconds, std::move(labels));
  });
}

void add_answers(Families& families, Sources sources) {
  MetricFamily& responses = families.add(MetricType::Counter, "eventcollect_http_responses_total",
                                         "Answers given at the events path, by HTTP status.");
  for (const MetricsSource& source : sources) {
    for (const auto& [status, count] : source.answered.responses) {
      add_counter(responses, count, labels_of(source, {{"status", std::to_string(status)}}));
    }
  }
}

void add_events(Families& families, Sources sources) {
  MetricFamily& accepted = families.add(MetricType::Counter, "eventcollect_events_accepted_total",
                                        "Events that the rules accepted.");
  for (const MetricsSource& source : sources) {
    add_counter(accepted, source.collected.events_accepted, labels_of(source));
  }
  MetricFamily& rejected = families.add(MetricType::Counter, "eventcollect_events_rejected_total",
                                        "Events and bodies that the rules rejected, by code.");
  for (const MetricsSource& source : sources) {
    for (std::size_t i = 0; i < source.collected.events_rejected.size(); ++i) {
      add_counter(rejected, source.collected.events_rejected[i],
                  labels_of(source, {{"code", std::string{all_codes[i]}}}));
    }
  }
  MetricFamily& letters =
      families.add(MetricType::Counter, "eventcollect_dead_letters_over_rate_total",
                   "Dead letters that were only counted, since too many came at once.");
  for (const MetricsSource& source : sources) {
    add_counter(letters, source.collected.dead_letters_over_rate, labels_of(source));
  }
}

void check_names(Sources sources) {
  std::set<std::string_view> names;
  for (const MetricsSource& source : sources) {
    if (names.insert(source.collected.name).second) continue;
    throw std::invalid_argument{"two collectors have the name '" + source.collected.name +
                                "': give each its own in CollectorOptions"};
  }
}

}  // namespace

std::string render_metrics(const CollectorStatistics& collected,
                           const EndpointStatistics& answered) {
  const MetricsSource source{collected, answered};
  return render_metrics({&source, 1});
}

std::string render_metrics(std::span<const MetricsSource> sources) {
  check_names(sources);
  Families families;
  add_answers(families, sources);
  add_events(families, sources);
  add_sinks(families, sources);
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
