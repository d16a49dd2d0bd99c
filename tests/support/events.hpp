// Events for tests, made the way real ones are: parsed.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/parser.hpp"

namespace eventcollect::test {

// 2030-01-01T00:00:00Z, later than any build of this.
inline constexpr TimePoint some_time = from_milliseconds(1'893'456'000'000);

// The batch that these event texts become; all of them have to be acceptable.
inline Batch batch_of(const std::vector<std::string>& texts) {
  Batch batch;
  std::vector<Rejection> rejected;
  Parser parser;
  for (const std::string& text : texts) {
    parser.parse(text, BodyFormat::json, {some_time, {}}, {}, batch, rejected);
  }
  REQUIRE(rejected.empty());
  return batch;
}

inline std::string event_named(std::string_view name) {
  return R"({"event":")" + std::string{name} + R"("})";
}

// `count` events whose names begin with `name` and end in their number.
inline Batch numbered_batch(std::string_view name, std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) {
    texts.push_back(event_named(std::string{name} + std::to_string(i)));
  }
  return batch_of(texts);
}

inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace eventcollect::test
