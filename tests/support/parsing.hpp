// Parsing in one call, for tests that look at what comes out.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/parser.hpp"

namespace eventcollect::test {

inline constexpr auto server_time = from_milliseconds(1'763'923'000'123);
inline constexpr std::string_view some_id = "0193f2a4-7b3c-7d11-8a5e-0123456789ab";

// What became of a body.
struct Parsed {
  std::unique_ptr<const std::string> body;  // what the views of `rejected` point into
  Batch batch;
  std::vector<Rejection> rejected;

  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (const Event& event : batch) lines.emplace_back(event.line);
    return lines;
  }

  // The codes of the rejections, in order.
  std::vector<std::string> codes() const {
    std::vector<std::string> codes;
    for (const auto& each : rejected) codes.emplace_back(each.code);
    return codes;
  }
};

inline Parsed parse(std::string body, const Rules& rules = {}, BodyFormat format = BodyFormat::json,
                    std::string_view context = {}) {
  Parsed parsed{std::make_unique<const std::string>(std::move(body)), {}, {}};
  Parser parser;
  parser.parse(*parsed.body, format, {.server_time = server_time, .context = context}, rules,
               parsed.batch, parsed.rejected);
  return parsed;
}

inline Parsed parse_lines(std::string body, const Rules& rules = {}) {
  return parse(std::move(body), rules, BodyFormat::ndjson);
}

// An event with an id, so that its line is known, and more members as they stand in JSON.
inline std::string event(std::string_view members = {}) {
  std::string text = R"({"event_id":")" + std::string{some_id} + R"(","event":"read")";
  if (!members.empty()) text += ',';
  return text.append(members) + '}';
}

inline std::string with_properties(std::string_view properties) {
  return event(std::string{R"("properties":)"} + std::string{properties});
}

inline std::string repeat(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

inline std::string join(std::initializer_list<std::string_view> pieces, std::string_view between) {
  std::string text;
  for (const std::string_view piece : pieces) {
    if (!text.empty()) text += between;
    text += piece;
  }
  return text;
}

// A body that holds an event, and the place at which it does.
struct Placed {
  std::string_view name;
  std::string body;
  BodyFormat format;
  std::size_t index;
  std::size_t neighbours;  // good events beside it
};

// Everywhere that an event can stand. It must not hold a line feed.
inline std::vector<Placed> everywhere(const std::string& text) {
  const std::string good = R"({"event":"good"})";
  return {
      {"alone", text, BodyFormat::json, 0, 0},
      {"in an array", '[' + join({good, text, good}, ",") + ']', BodyFormat::json, 1, 2},
      {"in a batch", R"({"batch":[)" + join({good, good, text}, " , ") + "]}", BodyFormat::json, 2,
       2},
      {"on a line", join({text, good}, "\n"), BodyFormat::ndjson, 0, 1},
  };
}

}  // namespace eventcollect::test
