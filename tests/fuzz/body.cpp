// Any bytes as a body: each event is accepted or rejected, and what is accepted is sound JSON to
// another parser too, with the same value. An event of an array is never the others' loss.
#include <simdjson.h>

#include "eventcollect/codes.hpp"
#include "eventcollect/parser.hpp"
#include "fuzz/require.hpp"
#include "fuzz/work.hpp"
#include "sink/letter.hpp"

namespace {

using eventcollect::fuzz::require;

// What another parser makes of a document, in one spelling; empty where it rejects it.
std::string normal_form(std::string_view json) {
  static simdjson::dom::parser parser;
  simdjson::dom::element element;
  if (parser.parse(simdjson::padded_string{json}).get(element) != simdjson::SUCCESS) return "";
  return simdjson::minify(element);
}

void check_event(const eventcollect::Event& event) {
  require(eventcollect::is_json_object(event.line), "a stored line is a JSON object");
  require(event.line.find('\n') == std::string_view::npos, "a line is one line");
  require(eventcollect::is_json_object(event.properties), "properties are a JSON object");
  require(!event.name.empty(), "an event has a name");
  require(!event.id.is_nil() && !event.id.is_max(), "an event has an id");
}

void check_letter(const eventcollect::Rejection& rejection) {
  using namespace eventcollect;
  std::string letter = sink::letter_head({}, {}, DeadLetterOrigin::ingest, rejection);
  sink::complete_letter(letter, rejection.raw);
  require(is_json_object(letter), "a dead letter is a JSON object");
}

// Whether the quotes and brackets of a text close within it.
bool closes(std::string_view text) {
  std::string open;
  bool is_in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_in_string) {
      if (c == '\\') ++i;
      if (c == '"') is_in_string = false;
    } else if (c == '"') {
      is_in_string = true;
    } else if (c == '[' || c == '{') {
      open.push_back(c == '[' ? ']' : '}');
    } else if (c == ']' || c == '}') {
      if (open.empty() || open.back() != c) return false;
      open.pop_back();
    }
    if (i >= text.size()) return false;
  }
  return open.empty() && !is_in_string;
}

// Whatever stands between two good events of an array costs them nothing if it closes.
void check_neighbours(std::string_view body) {
  using namespace eventcollect;
  static Parser parser;
  if (!closes(body)) return;
  const std::string good = R"({"event":"good"})";
  const std::string array = '[' + good + ',' + std::string{body} + ',' + good + ']';
  Batch batch;
  std::vector<Rejection> rejected;
  parser.parse(array, BodyFormat::json, {from_milliseconds(1'893'456'000'000), {}}, {}, batch,
               rejected);
  if (!rejected.empty() && rejected[0].code == code::body_too_many_events) return;
  require(batch.size() >= 2, "both neighbours are accepted");
  const Batch& stored = batch;
  require(stored[0].name == "good" && stored[batch.size() - 1].name == "good",
          "the neighbours are what they were");
}

void check_input(std::string_view body) {
  using namespace eventcollect;
  const unsigned choice = fuzz::take_byte(body);
  const auto format = (choice & 1) != 0 ? BodyFormat::ndjson : BodyFormat::json;
  Rules rules;
  rules.max_events = (choice & 16) != 0 ? 50 : 1'000;
  rules.strip_query = (choice & 2) != 0;
  rules.strip_fragment = (choice & 4) != 0;
  static Parser parser;
  Batch batch;
  std::vector<Rejection> rejected;
  parser.parse(body, format, {from_milliseconds(1'893'456'000'000), {}}, rules, batch, rejected);

  require(batch.size() <= rules.max_events, "no more events than allowed");
  require(batch.size() + rejected.size() > 0, "every body has an outcome");
  for (const Event& event : batch) check_event(event);
  for (const Rejection& one : rejected) {
    require(!one.code.empty() && !one.message.empty(), "a rejection has reasons");
    check_letter(one);
  }
  check_neighbours(body);
  // The same body alone, as one event: then the two parsers can be compared.
  if (format == BodyFormat::json && batch.size() == 1 && rejected.empty()) {
    const std::string whole = normal_form(body);
    const std::string properties = normal_form(batch[0].properties);
    // Long integers are beyond simdjson's DOM, and none of ours to reject; so is half a surrogate
    // pair. It keeps U+0000.
    const bool comparable = !whole.empty() && !properties.empty() && properties != "{}" &&
                            body.find("\\u0000") == std::string_view::npos;
    if (comparable) require(whole.find(properties) != std::string::npos, "properties are kept");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  // Some 2 KiB for each of 1,000 events that are rejected, however short they are.
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 3 << 20, .bytes_per_byte = 60, .copies_per_byte = 100};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
