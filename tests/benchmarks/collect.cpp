// What collecting costs against what simdjson's DOM needs to parse the same bytes.
//
//   build/release/bin/bench_collect
//
// Each row is a series of pairs in one run, DOM and then ours: machines drift, and so do two runs,
// but hardly the halves of a pair. `ratio` is the median of ours / DOM, and is what the budget
// bounds: 2.5 for one event, 2 for a hundred in a body. `dom_ns` and `ours_ns` are of one event,
// the column Time is of a pair.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/pairs.hpp"
#include "eventcollect/parser.hpp"

namespace {

using namespace eventcollect;
using bench::demo_event;
using bench::median;
using Nanoseconds = std::chrono::duration<double, std::nano>;

// Halves that are short against a time slice: what else runs here then spoils few pairs.
constexpr std::size_t pairs = 501;
constexpr std::size_t events_per_half = 1'000;

std::string repeated(std::size_t count, std::string_view before, std::string_view between,
                     std::string_view after) {
  std::string body{before};
  for (std::size_t i = 0; i < count; ++i) body.append(i == 0 ? "" : between).append(demo_event);
  return body.append(after);
}

// Nanoseconds that an event costs, where each call of `work` handles `count` of them.
template <typename Work>
double time_per_event(std::size_t count, Work work) {
  const std::size_t rounds = events_per_half / count;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < rounds; ++i) work();
  const Nanoseconds taken = std::chrono::steady_clock::now() - begin;
  return taken.count() / static_cast<double>(rounds * count);
}

// Parses a body of `count` events into a batch that was used before, as a server does.
class Collecting {
 public:
  Collecting(std::string_view body, BodyFormat format, std::size_t count)
      : body_{body}, format_{format}, count_{count} {}

  void operator()() {
    batch_.clear();
    parser_.parse(body_, format_, stamp_, rules_, batch_, rejected_);
    if (batch_.size() != count_) throw std::logic_error{"an event was rejected"};
    benchmark::DoNotOptimize(batch_.ndjson().data());
  }

 private:
  std::string_view body_;
  BodyFormat format_;
  std::size_t count_;
  const Stamp stamp_{.server_time = system_clock().now(), .context = {}};
  const Rules rules_{};
  Parser parser_;
  Batch batch_;
  std::vector<Rejection> rejected_;
};

// simdjson reads lines in a stream of documents, which allocates; so they are compared with the DOM
// parse of the same events in an array.
void collect(benchmark::State& state, const std::string& body, BodyFormat format,
             const std::string& compared, std::size_t count) {
  const simdjson::padded_string padded{compared};
  simdjson::dom::parser dom_parser;
  Collecting collecting{body, format, count};
  const auto dom = [&] { benchmark::DoNotOptimize(dom_parser.parse(padded).error()); };
  const auto ours = [&] { collecting(); };

  std::vector<double> dom_times, our_times, ratios;
  for ([[maybe_unused]] auto pair : state) {
    dom_times.push_back(time_per_event(count, dom));
    our_times.push_back(time_per_event(count, ours));
    ratios.push_back(our_times.back() / dom_times.back());
  }
  state.counters["dom_ns"] = median(dom_times);
  state.counters["ours_ns"] = median(our_times);
  state.counters["ratio"] = median(ratios);
}

void one_event(benchmark::State& state) {
  const std::string body{demo_event};
  collect(state, body, BodyFormat::json, body, 1);
}

void hundred_in_an_array(benchmark::State& state) {
  const std::string body = repeated(100, "[", ",", "]");
  collect(state, body, BodyFormat::json, body, 100);
}

void hundred_lines(benchmark::State& state) {
  const std::string body = repeated(100, "", "\n", "\n");
  collect(state, body, BodyFormat::ndjson, repeated(100, "[", ",", "]"), 100);
}

BENCHMARK(one_event)->Iterations(pairs);
BENCHMARK(hundred_in_an_array)->Iterations(pairs);
BENCHMARK(hundred_lines)->Iterations(pairs);

}  // namespace

BENCHMARK_MAIN();
