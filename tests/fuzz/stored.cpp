// Any bytes as a line that was stored: it is rejected with a reason, or becomes an event whose own
// line is the same event again. And what gets in as a body reads back as it was.
#include "eventcollect/parser.hpp"
#include "eventcollect/stored_event.hpp"
#include "fuzz/require.hpp"
#include "fuzz/work.hpp"
#include "support/difference.hpp"

namespace {

using namespace eventcollect;

void require_same(const Event& a, const Event& b, const char* what) {
  fuzz::require(test::difference(a, b).empty(), what);
}

// Reads each line of `before` and requires that the same events come out.
void check_reads_back(StoredEventReader& reader, const Batch& before) {
  Batch after;
  for (const Event& event : before) {
    fuzz::require(!reader.append(event.line, after), "a stored event is read back");
  }
  fuzz::require(after.ndjson() == before.ndjson(), "the lines are the same");
  const Batch& expected = before;
  const Batch& found = after;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    require_same(found[i], expected[i], "the event is the same in every field");
  }
}

void check_line(StoredEventReader& reader, std::string_view line) {
  Batch batch;
  if (const auto rejection = reader.append(line, batch)) {
    fuzz::require(batch.empty(), "a rejected line leaves the batch as it was");
    fuzz::require(!rejection->code.empty() && !rejection->message.empty(),
                  "a rejection has reasons");
    return;
  }
  fuzz::require(batch.size() == 1, "a line is one event");
  const Event event = batch[0];
  fuzz::require(is_json_object(event.line), "a line is a JSON object");
  fuzz::require(event.line.find('\n') == std::string_view::npos, "a line is one line");
  fuzz::require(is_json_object(event.properties), "properties are a JSON object");
  fuzz::require(!event.name.empty(), "an event has a name");
  fuzz::require(!event.id.is_nil() && !event.id.is_max(), "an event has an id");
  check_reads_back(reader, batch);
}

void check_body(StoredEventReader& reader, std::string_view body) {
  static Parser parser;
  Batch batch;
  std::vector<Rejection> rejected;
  const Stamp stamp{from_milliseconds(1'893'456'000'000), R"({"ip":"192.0.2.0"})"};
  parser.parse(body, BodyFormat::ndjson, stamp, {}, batch, rejected);
  check_reads_back(reader, batch);
}

void check_input(std::string_view text) {
  static StoredEventReader reader;
  check_line(reader, text);
  check_body(reader, text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 128 << 10, .bytes_per_byte = 100, .copies_per_byte = 100};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
