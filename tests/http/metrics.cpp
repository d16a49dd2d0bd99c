#include "eventcollect/metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "eventcollect/endpoint.hpp"
#include "eventcollect/memory.hpp"
#include "server/front_metrics.hpp"
#include "support/events.hpp"

namespace eventcollect {
namespace {

using Labels = std::map<std::string, std::string>;

struct Sample {
  std::string name;
  Labels labels;
  double value = 0;
};

// The text format 0.0.4, as far as it is used here.
struct Exposition {
  std::map<std::string, std::string> types;
  std::map<std::string, std::string> helps;
  std::vector<Sample> samples;
  std::vector<std::string> order;  // of the lines: "help NAME", "type NAME", "sample NAME"

  explicit Exposition(const std::string& text) {
    REQUIRE(text.ends_with("\n"));
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) read(line);
  }

  void read(const std::string& line) {
    INFO("line: ", line);
    std::istringstream words{line};
    if (line.starts_with("# ")) {
      std::string hash;
      std::string kind;
      std::string name;
      std::string rest;
      words >> hash >> kind >> name;
      std::getline(words >> std::ws, rest);
      auto& known = kind == "HELP" ? helps : types;
      CHECK((kind == "HELP" || kind == "TYPE"));
      CHECK(known.emplace(name, rest).second);
      order.push_back((kind == "HELP" ? "help " : "type ") + name);
      return;
    }
    Sample sample;
    const std::size_t brace = line.find('{');
    const std::size_t end = line.find_last_of(' ');
    REQUIRE(end != std::string::npos);
    sample.name = line.substr(0, std::min(brace, end));
    if (brace != std::string::npos) {
      for (std::size_t at = brace + 1; line.at(at) != '}';) {
        const std::size_t equals = line.find("=\"", at);
        std::size_t quote = line.find('"', equals + 2);
        while (line.at(quote - 1) == '\\' && line.at(quote - 2) != '\\') {
          quote = line.find('"', quote + 1);
        }
        REQUIRE(quote < end);
        const std::string key = line.substr(at, equals - at);
        CHECK(sample.labels.emplace(key, line.substr(equals + 2, quote - equals - 2)).second);
        at = quote + (line.at(quote + 1) == ',' ? 2 : 1);
      }
    }
    char* number_end = nullptr;
    sample.value = std::strtod(line.c_str() + end + 1, &number_end);
    CHECK(*number_end == '\0');
    order.push_back("sample " + sample.name);
    samples.push_back(std::move(sample));
  }

  double value(const std::string& name, const Labels& labels = {}) const {
    INFO("name: ", name);
    const Sample* found = nullptr;
    for (const Sample& sample : samples) {
      if (sample.name != name || sample.labels != labels) continue;
      CHECK(found == nullptr);
      found = &sample;
    }
    REQUIRE(found != nullptr);
    return found->value;
  }

  bool has(const std::string& name, const Labels& labels) const {
    return std::any_of(samples.begin(), samples.end(), [&](const Sample& sample) {
      return sample.name == name && sample.labels == labels;
    });
  }
};

// Refuses events named "bad", fails for those named "fail".
struct PickySink final : Sink {
  void write(const Batch& batch, Rejections& rejections) override {
    for (const Event& event : batch) {
      if (event.name == "bad") rejections.add(event, "bad");
      if (event.name == "fail") throw Error{Error::in_doubt, "fail"};
    }
  }
};

struct Site {
  ManualClock clock{test::some_time};
  Collector collector{std::make_shared<PickySink>(),
                      {.dead_letters = std::make_shared<MemorySink>(), .clock = &clock}};
  Endpoint endpoint{collector};
  http::Statistics front;

  void post(std::string_view body) const {
    Request request;
    request.method = "POST";
    request.path = "/events";
    request.content_type = "application/json";
    request.body = body;
    endpoint.handle(request);
  }

  // As the server gives them.
  Exposition metrics() const {
    return Exposition{render_metrics(collector.statistics(), endpoint.statistics()) +
                      server::render_front_metrics(front)};
  }
};

bool is_metric_name(const std::string& name) {
  return name.starts_with("eventcollect_") && !name.ends_with("_") &&
         name.find("__") == std::string::npos &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
}

// The family that a sample belongs to.
std::string family_of(const Exposition& metrics, const std::string& sample) {
  for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
    if (!sample.ends_with(suffix)) continue;
    const std::string family = sample.substr(0, sample.size() - suffix.size());
    const auto type = metrics.types.find(family);
    if (type != metrics.types.end() && type->second == "histogram") return family;
  }
  return sample;
}

TEST_CASE("every metric is named and typed by Prometheus' conventions") {
  const Site site;
  site.post(R"({"event":"e"})");
  const Exposition metrics = site.metrics();
  CHECK(metrics.types.size() == metrics.helps.size());
  for (const auto& family : metrics.types) {
    const std::string& name = family.first;  // clang 14 captures no structured bindings
    const std::string& type = family.second;
    CAPTURE(name);
    CHECK(is_metric_name(name));
    REQUIRE(metrics.helps.contains(name));
    CHECK(metrics.helps.at(name).ends_with("."));
    CHECK((type == "counter" || type == "gauge" || type == "histogram"));
    CHECK((type == "counter") == name.ends_with("_total"));
    CHECK((type == "histogram") == name.ends_with("_seconds"));
    // Base units only.
    for (const std::string_view unit : {"_ms", "_millis", "_us", "_kib", "_mib", "_kb", "_mb"}) {
      CHECK(name.find(unit) == std::string::npos);
    }
  }
}

void check_each_family_is_one_block(const Exposition& metrics) {
  std::set<std::string> seen;
  std::string current;
  std::string before;
  for (const std::string& line : metrics.order) {
    CAPTURE(line);
    const std::string kind = line.substr(0, line.find(' '));
    const std::string name = line.substr(line.find(' ') + 1);
    if (kind == "help") {
      CHECK(seen.insert(name).second);
      CHECK(before != "help");
      current = name;
    } else if (kind == "type") {
      CHECK(before == "help");
      CHECK(name == current);
    } else {
      CHECK(before != "help");
      CHECK(family_of(metrics, name) == current);
    }
    before = kind;
  }
}

void check_each_sample_is_there_once(const Exposition& metrics) {
  std::set<std::pair<std::string, Labels>> seen;
  for (const Sample& sample : metrics.samples) {
    CAPTURE(sample.name);
    CHECK(seen.emplace(sample.name, sample.labels).second);
  }
}

TEST_CASE("each family is one block: HELP, TYPE, samples") {
  const Site site;
  site.post(R"({"event":"e"})");
  site.post("7");
  check_each_family_is_one_block(site.metrics());
}

TEST_CASE("two collectors make one valid text, each under its name") {
  const auto sink = [] { return std::make_shared<MemorySink>(); };
  const ManualClock clock{test::some_time};
  const Collector shop{sink(), {.name = "shop", .clock = &clock}};
  Collector other{sink(), {.name = "a \"b\"\n\\", .dead_letters = sink(), .clock = &clock}};
  const Endpoint endpoint{other};
  other.collect(R"([{"event":"e"},7])");
  Request elsewhere;
  elsewhere.path = "/elsewhere";
  endpoint.handle(elsewhere);
  const std::array sources{MetricsSource{shop.statistics(), {}},
                           MetricsSource{other.statistics(), endpoint.statistics()}};
  const Exposition metrics{render_metrics(sources)};
  check_each_family_is_one_block(metrics);
  check_each_sample_is_there_once(metrics);
  for (const Sample& sample : metrics.samples) CHECK(sample.labels.contains("collector"));
  CHECK(metrics.value("eventcollect_events_accepted_total", {{"collector", "shop"}}) == 0);
  const std::string escaped = R"(a \"b\"\n\\)";
  CHECK(metrics.has("eventcollect_events_accepted_total", {{"collector", escaped}}));
  CHECK(metrics.value("eventcollect_http_responses_total",
                      {{"collector", escaped}, {"status", "404"}}) == 1);
}

TEST_CASE("two collectors of one name are no valid text") {
  const std::array<MetricsSource, 2> sources{};
  CHECK_THROWS_AS(render_metrics(sources), std::invalid_argument);
}

TEST_CASE("no two samples have the same name and labels") {
  const Site site;
  site.post(R"([{"event":"e"},7])");
  const Exposition metrics = site.metrics();
  check_each_sample_is_there_once(metrics);
  for (const Sample& sample : metrics.samples) {
    CAPTURE(sample.name);
    CHECK(sample.value >= 0);
    for (const auto& [name, value] : sample.labels) {
      const std::set<std::string> known{"code", "status", "sink", "kind", "le"};
      CHECK(known.contains(name));
      CHECK_FALSE(value.empty());
    }
  }
}

TEST_CASE("histogram buckets are cumulative and end in +Inf with the count") {
  const Site site;
  for (int i = 0; i < 20; ++i) site.post(R"({"event":"e"})");
  const Exposition metrics = site.metrics();
  const std::string name = "eventcollect_sink_write_duration_seconds";
  for (const std::string sink : {"events", "dead_letters"}) {
    CAPTURE(sink);
    std::vector<std::pair<double, double>> buckets;
    for (const Sample& sample : metrics.samples) {
      if (sample.name != name + "_bucket" || sample.labels.at("sink") != sink) continue;
      buckets.emplace_back(std::strtod(sample.labels.at("le").c_str(), nullptr), sample.value);
    }
    REQUIRE(buckets.size() == DurationHistogram::bounds.size() + 1);
    for (std::size_t i = 0; i < buckets.size(); ++i) {
      if (i < DurationHistogram::bounds.size()) {
        CHECK(buckets[i].first == doctest::Approx(DurationHistogram::bounds[i]));
      }
      if (i == 0) continue;
      CHECK(buckets[i - 1].first < buckets[i].first);
      CHECK(buckets[i - 1].second <= buckets[i].second);
    }
    CHECK(metrics.has(name + "_bucket", {{"sink", sink}, {"le", "+Inf"}}));
    CHECK(buckets.back().second == metrics.value(name + "_count", {{"sink", sink}}));
    CHECK(metrics.value(name + "_sum", {{"sink", sink}}) >= 0);
  }
  CHECK(metrics.value(name + "_count", {{"sink", "events"}}) == 20);
}

TEST_CASE("the numbers are those of the collector and the endpoint") {
  const Site site;
  site.post(R"([{"event":"e"},{"event":"e"}])");
  site.post(R"([{"event":"e"},7,{"event":""}])");
  site.post(R"({"event":"bad"})");
  site.post(R"({"event":"fail"})");
  const Exposition metrics = site.metrics();

  const std::string responses = "eventcollect_http_responses_total";
  CHECK(metrics.value(responses, {{"status", "202"}}) == 2);
  CHECK(metrics.value(responses, {{"status", "400"}}) == 1);
  CHECK(metrics.value(responses, {{"status", "503"}}) == 1);
  CHECK_FALSE(metrics.has(responses, {{"status", "200"}}));

  CHECK(metrics.value("eventcollect_events_accepted_total") == 5);
  const std::string refused = "eventcollect_events_rejected_total";
  CHECK(metrics.value(refused, {{"code", "event.not_object"}}) == 1);
  CHECK(metrics.value(refused, {{"code", "event.length"}}) == 1);
  for (const std::string_view code : all_codes) {
    CHECK(metrics.has(refused, {{"code", std::string{code}}}));
  }

  const Labels events{{"sink", "events"}};
  CHECK(metrics.value("eventcollect_sink_events_stored_total", events) == 3);
  CHECK(metrics.value("eventcollect_sink_events_rejected_total", events) == 1);
  CHECK(metrics.value("eventcollect_sink_events_lost_total", events) == 0);
  CHECK(metrics.value("eventcollect_sink_queue_full_total", events) == 0);
  CHECK(metrics.value("eventcollect_sink_deadlines_missed_total", events) == 0);
  CHECK(metrics.value("eventcollect_sink_queued_events", events) == 0);
  CHECK(metrics.value("eventcollect_sink_queued_bytes", events) == 0);
  const std::string failures = "eventcollect_sink_failures_total";
  CHECK(metrics.value(failures, {{"sink", "events"}, {"kind", "in_doubt"}}) >= 1);
  CHECK(metrics.value(failures, {{"sink", "events"}, {"kind", "unavailable"}}) == 0);
  CHECK(metrics.value(failures, {{"sink", "events"}, {"kind", "misconfigured"}}) == 0);
}

TEST_CASE("the numbers of connections are those of the front") {
  Site site;
  site.front = {.connections_open = 1,
                .connections_accepted = 2,
                .connections_evicted = 3,
                .requests_timed_out = 4,
                .requests_malformed = 5,
                .buffered_bytes = 6,
                .unsent_bytes = 7};
  const Exposition metrics = site.metrics();
  CHECK(metrics.value("eventcollect_http_connections_open") == 1);
  CHECK(metrics.value("eventcollect_http_connections_accepted_total") == 2);
  CHECK(metrics.value("eventcollect_http_connections_evicted_total") == 3);
  CHECK(metrics.value("eventcollect_http_requests_timed_out_total") == 4);
  CHECK(metrics.value("eventcollect_http_requests_malformed_total") == 5);
  CHECK(metrics.value("eventcollect_http_buffered_bytes") == 6);
  CHECK(metrics.value("eventcollect_http_unsent_bytes") == 7);
}

TEST_CASE("whether the sink is ready is 1 or 0") {
  const Site site;
  const Labels events{{"sink", "events"}};
  site.post(R"({"event":"e"})");
  CHECK(site.metrics().value("eventcollect_sink_ready", events) == 1);
  CHECK(site.metrics().value("eventcollect_sink_ready", {{"sink", "dead_letters"}}) >= 0);
}

}  // namespace
}  // namespace eventcollect
