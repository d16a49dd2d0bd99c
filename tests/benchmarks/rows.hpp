// Events that a database gets, by its sink and by the stock client.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/parser.hpp"

namespace eventcollect::bench {

constexpr std::size_t batch_events = 10'000;
constexpr const char* table = "bench_events";

inline std::vector<Batch> make_rows(std::size_t events) {
  std::vector<Batch> batches;
  batches.reserve(events / batch_events + 1);
  Parser parser;
  std::vector<Rejection> rejected;
  for (std::size_t i = 0; i < events; ++i) {
    if (i % batch_events == 0) batches.emplace_back();
    const std::string number = std::to_string(i);
    parser.parse(R"({"event":"clicked_event","url":"https://example.com/articles/)" + number +
                     R"(?from=home","properties":{"path":"/articles/)" + number +
                     R"(","element":"button.buy","text":"Add to cart","viewport":{"width":1280,)" +
                     R"("height":720},"scrolled":0.)" + number + R"(,"visible":true}})",
                 BodyFormat::json, {system_clock().now(), {}}, {}, batches.back(), rejected);
  }
  if (!rejected.empty()) throw std::runtime_error{"the events are none"};
  return batches;
}

inline std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace eventcollect::bench
