// From the bytes of a request to a batch of events, each of which is judged alone.
//
//   Parser parser;
//   Batch batch;
//   std::vector<Rejection> rejections;
//   parser.parse(body, BodyFormat::json, {.server_time = now}, {}, batch, rejections);
//
// The JSON is validated in full (RFC 8259), skipped values included. A fault rejects only the event
// that has it: the element of the array, the line. A body is rejected as a whole where its quotes
// or brackets do not close. A byte order mark is skipped.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "eventcollect/batch.hpp"
#include "eventcollect/clock.hpp"
#include "eventcollect/rejection.hpp"
#include "eventcollect/rules.hpp"

namespace eventcollect {

enum class BodyFormat : std::uint8_t {
  json,    // an event, an array of events, or {"batch":[events],"sent_time":…}
  ndjson,  // one event per line; blank lines are skipped
};

// What the server adds to each event of a request.
struct Stamp {
  TimePoint server_time{};
  std::string_view context{};               // a JSON object to store with each event, or empty
  std::chrono::milliseconds upload_time{};  // how long the request took to come
};

// Holds scratch memory, so that parsing again does not allocate. One thread at a time.
class Parser {
 public:
  Parser();
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  // Appends the accepted events of `body` to `batch`, and why the others were rejected to
  // `rejections`, each in the order of the body. A body that is rejected as a whole gives one
  // rejection at index 0. `body` may be any bytes.
  void parse(std::string_view body, BodyFormat format, const Stamp& stamp, const Rules& rules,
             Batch& batch, std::vector<Rejection>& rejections);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Whether `line` is one complete JSON object and nothing else, as every stored line is.
bool is_json_object(std::string_view line);

}  // namespace eventcollect
