// What the benchmarks have in common: the same events, and pairs of runs in turn.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "eventcollect/parser.hpp"

namespace eventcollect::bench {

constexpr std::string_view demo_event =
    R"({"event":"clicked_event","url":"https://www.example.com/blog/first-party-event-collection",)"
    R"("properties":{"element":"button","text":"Read more","section":"hero","href":"/pricing",)"
    R"("x":412,"y":1830,"scroll_depth":0.42,"clickable":true,"viewport":"1440x900"}})";

inline std::vector<Batch> make_batches(std::size_t events, std::size_t batch_size) {
  std::vector<Batch> batches(events / batch_size);
  Parser parser;
  std::vector<Rejection> rejected;
  for (Batch& batch : batches) {
    for (std::size_t i = 0; i < batch_size; ++i) {
      parser.parse(demo_event, BodyFormat::json, {system_clock().now(), {}}, {}, batch, rejected);
    }
  }
  if (!rejected.empty()) throw std::logic_error{"the event is not acceptable"};
  return batches;
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

template <typename Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>{std::chrono::steady_clock::now() - begin}.count();
}

// The median rates of both and of theirs to ours, as a line. Both return seconds for `events`; who
// begins a pair alternates.
template <typename Theirs, typename Ours>
std::string compare(std::size_t events, std::size_t pairs, const Theirs& theirs, const Ours& ours) {
  std::vector<double> ratios;
  std::vector<double> their_rates;
  std::vector<double> our_rates;
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    double their_seconds = 0;
    if (pair % 2 == 0) their_seconds = theirs();
    const double our_seconds = ours();
    if (pair % 2 == 1) their_seconds = theirs();
    ratios.push_back(their_seconds / our_seconds);
    their_rates.push_back(static_cast<double>(events) / their_seconds);
    our_rates.push_back(static_cast<double>(events) / our_seconds);
  }
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  return fmt::format("{:>9.0f}/s  {:>9.0f}/s  {:.2f} ({:.2f} to {:.2f})", median(their_rates),
                     median(our_rates), median(ratios), *least, *most);
}

}  // namespace eventcollect::bench
