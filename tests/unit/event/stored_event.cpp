#include "eventcollect/stored_event.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/difference.hpp"
#include "support/parsing.hpp"

using namespace eventcollect;
using namespace std::string_literals;

namespace {

constexpr std::string_view whole =
    R"({"event_id":"0193f2a4-7b3c-7d11-8a5e-0123456789ab","event":"read","url":"https://a/b",)"
    R"("properties":{"n":1.50,"t":"\u0061"},"server_time":1763923000123,)"
    R"("event_time":1763923000100,"client_time":5,"sent_time":28,"context":{"ip":"192.0.2.0"},)"
    R"("violations":[{"pointer":"/n"}]})";

struct Read {
  Batch batch;
  std::optional<Rejection> rejection;
};

Read read(std::string_view line) {
  Read result;
  StoredEventReader reader;
  const std::string gone{line};
  result.rejection = reader.append(gone, result.batch);
  return result;
}

// `whole` with the first `before` replaced.
std::string with(std::string_view before, std::string_view after) {
  std::string line{whole};
  const std::size_t place = line.find(before);
  REQUIRE(place != std::string::npos);
  return line.replace(place, before.size(), after);
}

Batch read_back(const Batch& batch) {
  Batch again;
  StoredEventReader reader;
  for (const Event& event : batch) {
    const auto rejection = reader.append(event.line, again);
    INFO(std::string{event.line});
    REQUIRE_FALSE(rejection);
  }
  return again;
}

void check_same(const Batch& found, const Batch& expected) {
  const bool same_lines = found.ndjson() == expected.ndjson();
  CHECK(same_lines);
  const Batch& found_events = found;
  const Batch& expected_events = expected;
  REQUIRE(found_events.size() == expected_events.size());
  for (std::size_t i = 0; i < found_events.size(); ++i) {
    CAPTURE(std::string{expected_events[i].line});
    CHECK(test::difference(found_events[i], expected_events[i]) == "");
  }
}

}  // namespace

TEST_CASE("a stored event is read in all its fields") {
  const Read result = read(whole);
  REQUIRE_FALSE(result.rejection);
  REQUIRE(result.batch.size() == 1);
  const Event event = result.batch[0];
  CHECK(event.id == *Uuid::parse(test::some_id));
  CHECK(event.name == "read");
  CHECK(event.url == "https://a/b");
  CHECK(event.properties == R"({"n":1.50,"t":"\u0061"})");
  CHECK(event.server_time == from_milliseconds(1'763'923'000'123));
  CHECK(event.event_time == from_milliseconds(1'763'923'000'100));
  CHECK(event.client_time == from_milliseconds(5));
  CHECK(event.sent_time == from_milliseconds(28));
  CHECK(event.context == R"({"ip":"192.0.2.0"})");
  CHECK(event.violations == R"([{"pointer":"/n"}])");
  CHECK(event.line == whole);
}

TEST_CASE("what a stored event may lack is not there, whatever was read before") {
  StoredEventReader reader;
  Batch batch;
  const std::string_view bare =
      R"({"event_id":"0193f2a4-7b3c-7d11-8a5e-0123456789ab","event":"e","properties":{},)"
      R"("server_time":0,"event_time":253402300799999})";
  REQUIRE_FALSE(reader.append(whole, batch));
  REQUIRE_FALSE(reader.append(bare, batch));
  const Event event = batch[1];
  CHECK_FALSE(event.url);
  CHECK_FALSE(event.client_time);
  CHECK_FALSE(event.sent_time);
  CHECK(event.context.empty());
  CHECK(event.violations.empty());
  CHECK(event.server_time == TimePoint{});
  CHECK(event.event_time == latest_time);
}

TEST_CASE("the fields of a stored event come in any order and with escapes") {
  const Read result =
      read(R"({"event_time":2,"properties":{},"\u0065vent":"\u0063lick","url":"a\/b",)"
           R"("server_time":1,"event_id":"0193F2A4-7B3C-7D11-8A5E-0123456789AB"})");
  REQUIRE_FALSE(result.rejection);
  const Event event = result.batch[0];
  CHECK(event.name == "click");
  CHECK(event.url == "a/b");
  CHECK(event.id == *Uuid::parse(test::some_id));
  CHECK(event.server_time == from_milliseconds(1));
  CHECK(event.event_time == from_milliseconds(2));
}

TEST_CASE("what no database holds is replaced, in a stored line too") {
  const Read result = read(with("1.50", R"("cut \ud83d\u0000")"));
  REQUIRE_FALSE(result.rejection);
  REQUIRE(result.batch.size() == 1);
  CHECK(result.batch[0].line == with("1.50", "\"cut \uFFFD\uFFFD\""));
}

TEST_CASE("white space between tokens goes, and stays within strings") {
  std::string spaced = " ";
  bool in_string = false;
  for (const char c : whole) {
    if (c == '"') in_string = !in_string;
    const bool is_token =
        !in_string && std::string_view{"{}[]:,"}.find(c) != std::string_view::npos;
    spaced += is_token ? "\r\n\t "s + c + " \n" : std::string{c};
  }
  const std::string text = R"("read a \" { : , } ")";
  spaced.replace(spaced.find(R"("read")"), 6, text);
  const Read result = read(spaced);
  REQUIRE_FALSE(result.rejection);
  const Batch expected = std::move(read(with(R"("read")", text)).batch);
  check_same(result.batch, expected);
  CHECK(result.batch[0].name == "read a \" { : , } ");
}

TEST_CASE("each fault of a stored event has its code and its place") {
  struct Case {
    std::string line;
    std::string_view code;
    std::string_view pointer;
  };
  const std::string deep = test::repeat("[", 31) + test::repeat("]", 31);
  const Case cases[] = {
      {"", "json.malformed", ""},
      {"\n", "json.malformed", ""},
      {std::string{whole} + "x", "json.malformed", ""},
      {std::string{whole.substr(0, whole.size() - 1)}, "json.malformed", ""},
      {with("read", "\xff"), "json.malformed", ""},
      {with("read", "\n"), "json.malformed", ""},
      {with("read", "\0"s), "json.malformed", ""},
      {"null", "event.not_object", ""},
      {" [" + std::string{whole} + "]", "event.not_object", ""},
      {R"({"dead_id":"x"})", "field.unknown", "/dead_id"},
      {with(R"("url")", R"("u~r/l")"), "field.unknown", "/u~0r~1l"},
      {with(R"("url")", R"("event")"), "field.duplicate", "/event"},
      {with(R"("n":1.50)", R"("t":1.50)"), "field.duplicate", "/properties/t"},
      {with(R"("ip")", R"("a":1,"a":1,"ip")"), "field.duplicate", "/context/a"},
      {with("1.50", "1e999"), "number.range", "/properties/n"},
      {with("1.50", "1e-400"), "number.range", "/properties/n"},
      {with("1.50", deep), "json.too_deep",
       "/properties/n/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0"},
      {with(R"("event":"read",)", ""), "event.missing", "/event"},
      {with(R"("read")", "1"), "event.type", "/event"},
      {with("read", ""), "event.length", "/event"},
      {with("read", test::repeat("\u00e4", 129)), "event.length", "/event"},
      {with("read", R"(\n)"), "string.invalid", "/event"},
      {with(R"("https://a/b")", "null"), "url.type", "/url"},
      {with("https://a/b", test::repeat("a", max_url_bytes + 1)), "url.length", "/url"},
      {with(R"("properties":{"n":1.50,"t":"\u0061"},)", ""), "properties.type", "/properties"},
      {with(R"({"n":1.50,"t":"\u0061"})", "[]"), "properties.type", "/properties"},
      {with("1763923000123", "-1"), "server_time.invalid", "/server_time"},
      {with("1763923000123", R"("2025-11-23T18:36:40Z")"), "server_time.invalid", "/server_time"},
      {with(R"("server_time":1763923000123,)", ""), "server_time.invalid", "/server_time"},
      {with("1763923000100", "253402300800000"), "event_time.invalid", "/event_time"},
      {with("1763923000100", "1.5"), "event_time.invalid", "/event_time"},
      {with(R"("event_time":1763923000100,)", ""), "event_time.invalid", "/event_time"},
      {with(":5,", ":null,"), "client_time.invalid", "/client_time"},
      {with(":5,", ":99999999999999999999,"), "client_time.invalid", "/client_time"},
      {with(":28,", ":2e1,"), "sent_time.invalid", "/sent_time"},
      {with(R"({"ip":"192.0.2.0"})", "[]"), "context.type", "/context"},
      {with(R"([{"pointer":"/n"}])", "{}"), "violations.type", "/violations"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.line);
    const Read result = read(one.line);
    REQUIRE(result.rejection);
    CHECK(result.rejection->code == one.code);
    CHECK(result.rejection->pointer == one.pointer);
    CHECK(result.batch.empty());
    CHECK_NOTHROW(code_index(one.code));
    const bool is_event =
        one.code != "json.malformed" && one.code != "event.not_object" && one.pointer != "/dead_id";
    CHECK(result.rejection->event_id.has_value() == is_event);
  }
}

TEST_CASE("an event_id that is malformed, missing, nil or max is rejected") {
  for (const std::string_view id :
       {R"("")", R"("0193f2a47b3c7d118a5e0123456789ab")", "7",
        R"("00000000-0000-0000-0000-000000000000")", R"("ffffffff-ffff-ffff-ffff-ffffffffffff")"}) {
    const Read result = read(with(R"("0193f2a4-7b3c-7d11-8a5e-0123456789ab")", id));
    REQUIRE(result.rejection);
    CHECK(result.rejection->code == "event_id.invalid");
    CHECK_FALSE(result.rejection->event_id);
  }
  const Read missing = read(with(R"("event_id":"0193f2a4-7b3c-7d11-8a5e-0123456789ab",)", ""));
  REQUIRE(missing.rejection);
  CHECK(missing.rejection->code == "event_id.invalid");
  CHECK(missing.rejection->message ==
        "\"event_id\" is missing; it must be a UUID of 36 characters, neither nil nor max.");
}

TEST_CASE("a line that is too long is rejected") {
  const Read result = read(std::string(max_stored_bytes + 1, ' '));
  REQUIRE(result.rejection);
  CHECK(result.rejection->code == "event.too_large");
}

TEST_CASE("a reader is as good as new after a rejection") {
  StoredEventReader reader;
  Batch batch;
  CHECK(reader.append(with("1.50", "1e999"), batch));
  CHECK(reader.append("{", batch));
  CHECK(reader.append(R"({"unknown":1})", batch));
  CHECK_FALSE(reader.append(whole, batch));
  CHECK(batch.size() == 1);
}

TEST_CASE("what the parser takes reads back as the same events") {
  const std::vector<std::string> pieces = {
      R"("url":"https://a.example/?q=1#f")",
      R"("url":"https:\/\/a.example\/\u00e4?q#f")",
      R"("url":"")",
      R"("properties":{})",
      R"("properties": { "a" : [ 1 , 1e5, -0.0, null, true ] , "\u0062" : "\ud83d\ude42 \n" } )",
      R"("properties":{"ключ":"🙂","n":123456789012345678901234567890})",
      R"("client_time":1763922999000)",
      R"("client_time":"2025-11-23T18:36:40.5+01:00")",
      R"("sent_time":1763922999999)",
      R"("server_time":1,"context":{"ip":"me"},"violations":7)",
      R"("event_id":"0193F2A4-7B3C-7D11-8A5E-0123456789AB")",
  };
  const std::vector<std::string> names = {R"("a")", R"("\u0061\/\"\\")", R"("ä🙂 ")",
                                          R"("x\u00e4")"};
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  Batch batch;
  std::vector<Rejection> rejected;
  Parser parser;
  for (int i = 0; i < 2000; ++i) {
    std::string text = R"({"event":)" + names[random() % names.size()];
    for (const std::string& piece : pieces) {
      if (random() % 3 == 0) text.append(random() % 2 == 0 ? " , " : ",").append(piece);
    }
    const Rules rules{.strip_query = random() % 4 == 0, .strip_fragment = random() % 4 == 0};
    const Stamp stamp{from_milliseconds(static_cast<std::int64_t>(random())),
                      random() % 2 == 0 ? R"({"ip":"::","user_agent":"\u0007 \"x\""})" : ""};
    parser.parse(text + '}', BodyFormat::json, stamp, rules, batch, rejected);
  }
  CHECK(batch.size() > 100);
  check_same(read_back(batch), batch);
}
