// The forms of a body: an event, an array, a batch, lines; and malformed bodies.
#include <doctest/doctest.h>

#include "eventcollect/parser.hpp"
#include "support/parsing.hpp"

using namespace eventcollect;
using namespace eventcollect::test;

namespace {

using Strings = std::vector<std::string>;

std::string array_of(std::size_t count, const std::string& text = R"({"event":"a"})") {
  std::string body = "[";
  for (std::size_t i = 0; i < count; ++i) body += (i == 0 ? "" : ",") + text;
  return body + ']';
}

// That the body is rejected as a whole.
void check_whole(const Parsed& parsed, std::string_view code, std::string_view pointer = {}) {
  CAPTURE(parsed.body->substr(0, 300));
  CHECK(parsed.batch.empty());
  REQUIRE(parsed.rejected.size() == 1);
  CHECK(parsed.rejected[0].code == code);
  CHECK(parsed.rejected[0].pointer == pointer);
  CHECK(parsed.rejected[0].index == 0);
  CHECK(parsed.rejected[0].raw == *parsed.body);
}

std::vector<std::string> names(const Parsed& parsed) {
  std::vector<std::string> found;
  for (const Event& event : parsed.batch) found.emplace_back(event.name);
  return found;
}

}  // namespace

TEST_CASE("a body is an event, an array of events or a batch") {
  CHECK(names(parse(R"({"event":"a"})")) == Strings{"a"});
  CHECK(names(parse(R"([{"event":"a"}])")) == Strings{"a"});
  CHECK(names(parse(R"([{"event":"a"},{"event":"b"}])")) == Strings{"a", "b"});
  CHECK(names(parse(R"({"batch":[{"event":"a"},{"event":"b"}]})")) == Strings{"a", "b"});
  CHECK(names(parse(" \r\n\t{ \"batch\" : [ {\"event\":\"a\"} , {\"event\":\"b\"} ] } \n")) ==
        Strings{"a", "b"});
  CHECK(names(parse(R"({"\u0062atch":[{"event":"a"}]})")) == Strings{"a"});
  CHECK(names(parse(" [ {\"event\":\"a\"} ] ")) == Strings{"a"});
}

TEST_CASE("each event is judged for itself, and keeps its place in the body") {
  const Parsed parsed =
      parse(R"([{"event":"a"},1,{"event":"b"},{"event":""},{"event":"c","x":1},{"event":"d"}])");
  CHECK(names(parsed) == Strings{"a", "b", "d"});
  CHECK(parsed.codes() == Strings{"event.not_object", "event.length", "field.unknown"});
  REQUIRE(parsed.rejected.size() == 3);
  CHECK(parsed.rejected[0].index == 1);
  CHECK(parsed.rejected[1].index == 3);
  CHECK(parsed.rejected[2].index == 4);
}

TEST_CASE("the fault of an event is not that of the one behind it") {
  const std::string fault = with_properties(R"({"a":1e999})");
  const Parsed array = parse('[' + fault + R"(,{"event":"b"}])");
  CHECK(names(array) == Strings{"b"});
  CHECK(array.codes() == Strings{"number.range"});
  const Parsed batch = parse(R"({"batch":[)" + fault + R"(,{"event":"b"},)" + fault + "]}");
  CHECK(names(batch) == Strings{"b"});
  CHECK(batch.codes() == Strings{"number.range", "number.range"});
}

// Malformed, alone as well as among other elements, but its quotes and brackets close.
const std::string malformed_elements[] = {
    R"({"event":"a",})",
    R"({,"event":"a"})",
    R"({"event" "a"})",
    R"({"event":})",
    R"({"event":"a" "url":"b"})",
    R"({event:"a"})",
    R"({'event':'a'})",
    R"({1:"a"})",
    R"({"event":"\x"})",
    R"({"event":"\u12"})",
    R"({"event":"\u12g4"})",
    R"({"event":"\u+123"})",
    R"({"event":"\ud800\u12"})",
    "{\"event\":\"a\nb\"}",
    "{\"event\":\"a\tb\"}",
    std::string{"{\"event\":\"a\0\"}", 14},
    std::string{"{\"event\":\"a\"}\0", 14},
    "{\"event\":\"\x1f\"}",
    "{\"event\":\"\xff\"}",
    "{\"event\":\"\xc0\xaf\"}",          // overlong
    "{\"event\":\"\xed\xa0\x80\"}",      // a surrogate
    "{\"event\":\"\xf4\x90\x80\x80\"}",  // beyond U+10FFFF
    "{\"event\":\"\xe2\x82\"}",          // cut short
    "{\"\xe9t\xe9\":1}",
    with_properties("{\"a\":\xff}"),
    with_properties(R"({"a":01})"),
    with_properties(R"({"a":-})"),
    with_properties(R"({"a":+1})"),
    with_properties(R"({"a":.5})"),
    with_properties(R"({"a":1.})"),
    with_properties(R"({"a":1e})"),
    with_properties(R"({"a":1e+})"),
    with_properties(R"({"a":0x1})"),
    with_properties(R"({"a":1 2})"),
    with_properties(R"({"a":NaN})"),
    with_properties(R"({"a":Infinity})"),
    with_properties(R"({"a":-Infinity})"),
    with_properties(R"({"a":tru})"),
    with_properties(R"({"a":truee})"),
    with_properties(R"({"a":True})"),
    with_properties(R"({"a":nul})"),
    with_properties(R"({"a":undefined})"),
    with_properties("{\"a\":1/*c*/}"),
    with_properties("{\"a\":1\f}"),
    with_properties("{\"a\":\u00a0 1}"),
    with_properties(R"({"a":[1 2]})"),
    with_properties(R"({"a":{"b"}})"),
    // In what is skipped as well.
    R"({"event":"a","context":{"b":01}})",
    R"({"event":"a","user":[tru]})",
    R"({"event":"a"} {"event":"b"})",
    R"({"event":"a"} x)",
    "undefined",
    "NaN",
    "'a'",
};

// Bodies, or elements of one, whose quotes or brackets do not close.
const std::string unclosed[] = {
    "{",
    "}",
    "[",
    "{]",
    "[}",
    R"({"event":"a)",
    R"({"event":"a\)",
    R"({"event":"\u004)",
    R"({"event":"a","batch":[)",
    with_properties(R"({"a":[1,2})"),
    with_properties(R"({"a":{"b":1]})"),
};

TEST_CASE("a malformed element of an array costs no other") {
  const std::string good = R"({"event":"a"})";
  for (const std::string& bad : malformed_elements) {
    check_whole(parse(bad), "json.malformed");
    const std::string array = '[' + join({good, bad, good}, " , ") + ']';
    for (const std::string& body : {array, R"({"sent_time":1,"batch":)" + array + '}'}) {
      CAPTURE(body);
      const Parsed parsed = parse(body);
      CHECK(names(parsed) == Strings{"a", "a"});
      CHECK(parsed.codes() == Strings{"json.malformed"});
      REQUIRE(parsed.rejected.size() == 1);
      CHECK(parsed.rejected[0].index == 1);
      CHECK(parsed.rejected[0].pointer.empty());
      CHECK(parsed.rejected[0].raw.starts_with(bad));
    }
  }
}

TEST_CASE("a body whose quotes or brackets do not close is rejected as a whole") {
  const std::string good = R"({"event":"a"})";
  for (const std::string& bad : unclosed) {
    check_whole(parse(bad), "json.malformed");
    check_whole(parse('[' + good + ',' + bad + ']'), "json.malformed");
    check_whole(parse(R"({"batch":[)" + good + ',' + bad + "]}"), "json.malformed");
  }
  for (const std::string& body :
       {'[' + good, '[' + good + "]]", '[' + good + "]}", good + '}', R"({"batch":[)" + good + ']',
        '[' + good + "],\"", R"([{"event":NaN},)" + good, R"([{"event":NaN}},)" + good + ']'}) {
    check_whole(parse(body), "json.malformed");
  }
}

TEST_CASE("a malformed event that is the whole body rejects the body") {
  const std::string good = R"({"event":"a"})";
  for (const std::string& body : {good + good, good + ',', good + " x", ',' + good}) {
    check_whole(parse(body), "json.malformed");
  }
}

TEST_CASE("what stands beside batch is of all its events") {
  const std::string events = R"("batch":[{"event":"a"},{"event":NaN}])";
  for (const auto* member : {R"("sent_time":NaN)", R"("sent_time":01)", R"(sent_time:1)",
                             "\"sent_time\":\"\xff\"", "\"\xff\":1"}) {
    check_whole(parse('{' + events + ',' + member + '}'), "json.malformed");
    check_whole(parse(std::string{'{'} + member + ',' + events + '}'), "json.malformed");
  }
  CHECK(names(parse('{' + events + R"(,"sent_time":null,"url":null})")) == Strings{"a"});
}

TEST_CASE("commas too many and text behind the end are malformed elements") {
  const std::string good = R"({"event":"a"})";
  struct Case {
    std::string body;
    std::size_t index;
  };
  const Case cases[] = {
      {'[' + good + ",]", 1},    {"[," + good + ']', 0},
      {'[' + good + "],", 1},    {'[' + good + "] x", 1},
      {'[' + good + "][1]", 1},  {'[' + good + "] , \"]\" , ", 1},
      {'[' + good + "]\xff", 1}, {R"({"batch":[)" + good + "]} x", 1},
  };
  for (const Case& each : cases) {
    CAPTURE(each.body);
    const Parsed parsed = parse(each.body);
    CHECK(names(parsed) == Strings{"a"});
    CHECK(parsed.codes() == Strings{"json.malformed"});
    REQUIRE(parsed.rejected.size() == 1);
    CHECK(parsed.rejected[0].index == each.index);
  }
}

TEST_CASE("malformed elements count, and each is rejected for itself") {
  const Parsed parsed = parse(
      R"([{"event_id":"0193f2a4-7b3c-7d11-8a5e-0123456789ab","event":"a","properties":{"a":NaN}},)"
      R"({"event":"b"},{"event":"c","properties":{"a":1e999,"a":"\ud800"}},x])");
  CHECK(names(parsed) == Strings{"b"});
  CHECK(parsed.codes() == Strings{"json.malformed", "number.range", "json.malformed"});
  CHECK(parsed.rejected.at(0).event_id == Uuid::parse(some_id));
  CHECK(parsed.rejected.at(2).index == 3);
  CHECK(parse(array_of(1000, "NaN")).rejected.size() == 1000);
  check_whole(parse(array_of(1001, "NaN")), "body.too_many_events");
}

TEST_CASE("a byte order mark is skipped") {
  for (const auto* body : {"\xef\xbb\xbf{\"event\":\"a\"}", "\xef\xbb\xbf [{\"event\":\"a\"}]"}) {
    CHECK(names(parse(body)) == Strings{"a"});
  }
  CHECK(names(parse_lines("\xef\xbb\xbf{\"event\":\"a\"}\n{\"event\":\"b\"}")) ==
        Strings{"a", "b"});
  check_whole(parse("{\"event\":\"a\"}\xef\xbb\xbf"), "json.malformed");
}

TEST_CASE("a body without an event is rejected") {
  for (const auto* body : {"", " ", "\n", " \t\r\n "}) {
    check_whole(parse(body), "body.empty");
    check_whole(parse_lines(body), "body.empty");
  }
  check_whole(parse("[]"), "body.empty");
  check_whole(parse(" [ ] "), "body.empty");
  check_whole(parse(R"({"batch":[]})"), "body.empty", "/batch");
  check_whole(parse(R"({"batch":[ ],"sent_time":1})"), "body.empty", "/batch");
}

TEST_CASE("a body holds 1,000 events at most") {
  CHECK(parse(array_of(1000)).batch.size() == 1000);
  check_whole(parse(array_of(1001)), "body.too_many_events");
  CHECK(parse(R"({"batch":)" + array_of(1000) + '}').batch.size() == 1000);
  check_whole(parse(R"({"batch":)" + array_of(1001) + '}'), "body.too_many_events");
  CHECK(parse_lines(repeat("{\"event\":\"a\"}\n", 1000)).batch.size() == 1000);
  CHECK(parse_lines(repeat("{\"event\":\"a\"}\n\r\n", 1000)).batch.size() == 1000);
  check_whole(parse_lines(repeat("{\"event\":\"a\"}\n", 1001)), "body.too_many_events");
  // Those that would be rejected count too.
  CHECK(parse(array_of(1000, "1")).rejected.size() == 1000);
  check_whole(parse(array_of(1001, "1")), "body.too_many_events");
  check_whole(parse_lines(repeat("x\n", 1001)), "body.too_many_events");
}

TEST_CASE("the bound of a body's events is the rules'") {
  CHECK(parse(array_of(3), {.max_events = 3}).batch.size() == 3);
  check_whole(parse(array_of(4), {.max_events = 3}), "body.too_many_events");
  check_whole(
      parse(R"({"batch":)" + array_of(2) + R"(,"batch":)" + array_of(2) + '}', {.max_events = 3}),
      "body.too_many_events");
}

TEST_CASE(
    "sent_time stands on the batch, before or behind the events, or on the event, which wins") {
  const std::string happened = R"({"event":"a","client_time":5000})";
  const std::string own = R"({"event":"b","client_time":5000,"sent_time":5100})";
  const std::string events = '[' + happened + ',' + own + ']';
  for (const std::string& body :
       {R"({"sent_time":7000,"batch":)" + events + '}',
        R"({"batch":)" + events + R"(,"sent_time":7000})",
        R"({"batch":)" + events + R"(,"sent_time":"1970-01-01T00:00:07Z"})"}) {
    CAPTURE(body);
    const Parsed parsed = parse(body);
    REQUIRE(parsed.batch.size() == 2);
    const Batch& stored = parsed.batch;
    CHECK(stored[0].sent_time == from_milliseconds(7000));
    CHECK(stored[0].event_time == server_time - std::chrono::milliseconds{2000});
    CHECK(stored[0].line.ends_with(R"("client_time":5000,"sent_time":7000})"));
    CHECK(stored[1].sent_time == from_milliseconds(5100));
    CHECK(stored[1].event_time == server_time - std::chrono::milliseconds{100});
  }
}

TEST_CASE("an invalid sent_time of the batch rejects the events that have none of their own") {
  for (const std::string_view batch_first : {"true", "false"}) {
    const std::string events = R"("batch":[{"event":"a"},{"event":"b","sent_time":1}])";
    const std::string sent = R"("sent_time":"now")";
    const Parsed parsed = parse(batch_first == "true" ? '{' + events + ',' + sent + '}'
                                                      : '{' + sent + ',' + events + '}');
    CHECK(names(parsed) == Strings{"b"});
    CHECK(parsed.codes() == Strings{"sent_time.invalid"});
  }
}

TEST_CASE("beside batch only sent_time is known") {
  for (const std::string_view field :
       {"event", "url", "properties", "event_id", "client_time", "user", "a/b"}) {
    const std::string pointer = field == "a/b" ? "/a~1b" : '/' + std::string{field};
    const std::string member = '"' + std::string{field} + R"(":"1")";
    check_whole(parse(R"({"batch":[{"event":"a"}],)" + member + '}'), "field.unknown", pointer);
    check_whole(parse('{' + member + R"(,"batch":[{"event":"a"}]})"), "field.unknown", pointer);
  }
}

TEST_CASE("a fault beside batch rejects the whole body") {
  const std::string events = R"("batch":[{"event":"a"}])";
  const std::pair<std::string, std::string_view> cases[] = {
      {R"("sent_time":1e999)", "number.range"},
      {R"("sent_time":{"a":1,"a":2})", "field.duplicate"},
      {R"("context":{"a":1e999})", "number.range"},
  };
  for (const auto& [member, code] : cases) {
    CHECK(parse(" {" + events + ',' + member + '}').codes() == Strings{std::string{code}});
    CHECK(parse(" {" + member + ',' + events + '}').codes() == Strings{std::string{code}});
  }
  check_whole(parse('{' + events + ',' + events + '}'), "field.duplicate", "/batch");
  check_whole(parse('{' + events + R"(,"sent_time":1,"sent_time":1})"), "field.duplicate",
              "/sent_time");
}

TEST_CASE("batch is an array") {
  for (const auto* value : {"{}", "1", "null", R"("[]")", R"({"event":"a"})"}) {
    check_whole(parse(R"({"batch":)" + std::string{value} + '}'), "event.not_object", "/batch");
  }
}

TEST_CASE("a batch holds events and no batches") {
  const Parsed parsed = parse(R"({"batch":[{"batch":[{"event":"a"}]},{"event":"b"}]})");
  CHECK(names(parsed) == Strings{"b"});
  CHECK(parsed.codes() == Strings{"field.unknown"});
  CHECK(parse(R"([{"batch":[]}])").codes() == Strings{"field.unknown"});
  CHECK(parse_lines(R"({"batch":[{"event":"a"}]})").codes() == Strings{"field.unknown"});
}

TEST_CASE("NDJSON holds an event a line, with any line end and blank lines between") {
  for (const auto* body :
       {"{\"event\":\"a\"}\n{\"event\":\"b\"}", "{\"event\":\"a\"}\n{\"event\":\"b\"}\n",
        "{\"event\":\"a\"}\r\n{\"event\":\"b\"}\r\n",
        "\n\n{\"event\":\"a\"}\n \t\r\n\r\n{\"event\":\"b\"}\n\n",
        "  {\"event\":\"a\"} \n\t{\"event\":\"b\"}\t"}) {
    const Parsed parsed = parse_lines(body);
    CHECK(names(parsed) == Strings{"a", "b"});
    CHECK(parsed.rejected.empty());
  }
}

TEST_CASE("a malformed line of NDJSON rejects only that line") {
  const Parsed parsed = parse_lines(
      "{\"event\":\"a\"}\r\n"
      "{\"event\":\r\n"
      "\r\n"
      "{\"event\":\"b\xff\"}\n"
      "{\"event\":\"c\"}{\"event\":\"c\"}\n"
      "[{\"event\":\"d\"}]\n"
      "{\"event\":\"e\"}\n"
      "\xff\n"
      "{\"event\":\"f\",\"x\":1}\n"
      "{\"event\":\"g\"}");
  CHECK(names(parsed) == Strings{"a", "e", "g"});
  CHECK(parsed.codes() == Strings{"json.malformed", "json.malformed", "json.malformed",
                                  "event.not_object", "json.malformed", "field.unknown"});
  const std::size_t indices[] = {1, 2, 3, 4, 6, 7};
  REQUIRE(parsed.rejected.size() == std::size(indices));
  for (std::size_t i = 0; i < std::size(indices); ++i) {
    CHECK(parsed.rejected[i].index == indices[i]);
  }
  CHECK(parsed.rejected[1].raw == "{\"event\":\"b\xff\"}");
}

TEST_CASE("an event of NDJSON ends with its line") {
  const Parsed parsed = parse_lines("{\"event\":\n\"a\"}");
  CHECK(parsed.batch.empty());
  CHECK(parsed.codes() == Strings{"json.malformed", "json.malformed"});
}

TEST_CASE("parsing adds to what is there") {
  Parser parser;
  Batch batch;
  std::vector<Rejection> rejected;
  for (int i = 0; i < 3; ++i) {
    parser.parse(R"([{"event":"a"},{}])", BodyFormat::json, {.server_time = server_time}, {}, batch,
                 rejected);
    parser.parse("x", BodyFormat::json, {.server_time = server_time}, {}, batch, rejected);
    parser.parse("{\"event\":\"b\"}\nx", BodyFormat::ndjson, {.server_time = server_time}, {},
                 batch, rejected);
  }
  CHECK(batch.size() == 6);
  CHECK(rejected.size() == 9);
}

TEST_CASE("a message names the fault, the place and what is allowed") {
  struct Case {
    std::string body;
    BodyFormat format;
    std::string_view message;
  };
  const Case cases[] = {
      {R"({"event)", BodyFormat::json,
       "The body is not valid JSON: unterminated string at byte 1."},
      {R"({"event":"a"} x)", BodyFormat::json,
       "The body is not valid JSON: unexpected text after the end at byte 14."},
      {R"({"event":})", BodyFormat::ndjson,
       "The line is not valid JSON: expected a value at byte 9."},
      {R"([{"event":tru}])", BodyFormat::json,
       "The element is not valid JSON: expected a value at byte 9."},
      {R"([{} {}])", BodyFormat::json,
       "The element is not valid JSON: expected ',' or ']' at byte 3."},
      {"[\"\xff\"]", BodyFormat::json, "The element is not valid UTF-8."},
      {"\xff", BodyFormat::json, "The body is not valid UTF-8."},
      {"\xff", BodyFormat::ndjson, "The line is not valid UTF-8."},
      {"7", BodyFormat::json, "An event must be a JSON object."},
      {R"({"event":1})", BodyFormat::json, "\"event\" must be a string."},
      {R"({"event":""})", BodyFormat::json, "\"event\" must have 1 to 128 characters, got 0."},
      {R"({"event":"\n"})", BodyFormat::json, "\"event\" must not contain control characters."},
      {R"({"event":"a","sent_time":"now"})", BodyFormat::json,
       "\"sent_time\" must be milliseconds since 1970 or an RFC 3339 time, up to the year "
       "9999."},
      {R"({"batch":[],"url":"a"})", BodyFormat::json,
       "Only \"sent_time\" is allowed beside \"batch\": put \"url\" into the events."},
  };
  for (const Case& each : cases) {
    CAPTURE(each.body);
    const Parsed parsed = parse(each.body, {}, each.format);
    REQUIRE(parsed.rejected.size() == 1);
    CHECK(parsed.rejected[0].message == each.message);
  }
}

TEST_CASE("of what is too large the beginning is kept, and how much it was") {
  const std::string wide = std::string(max_raw_bytes - 1, ' ') + "€" + std::string(1'000, ' ');
  const auto lines = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "{\"event\":\"a\"}\n";
    return text;
  };
  struct Case {
    std::string_view code;
    std::string raw;
    std::string body;
    BodyFormat format;
  };
  const std::string large = R"({"event":"a","url":")" + wide + "\"}";
  const std::string envelope = R"({"x":1,"batch":[)" + std::string(100'000, ' ') + "]}";
  const Case cases[] = {
      {code::body_empty, std::string(100'000, '\n'), std::string(100'000, '\n'), BodyFormat::json},
      {code::json_malformed, '[' + wide, '[' + wide, BodyFormat::json},
      {code::json_malformed, std::string(100'000, '\xff'), std::string(100'000, '\xff'),
       BodyFormat::json},
      {code::json_malformed, '[' + wide, '[' + wide + '\n', BodyFormat::ndjson},
      {code::body_too_many_events, lines(10'000), lines(10'000), BodyFormat::ndjson},
      {code::event_too_large, large, '[' + large + ']', BodyFormat::json},
      {code::field_unknown, envelope, envelope, BodyFormat::json},
  };
  for (const Case& each : cases) {
    CAPTURE(each.code);
    const Parsed parsed = parse(each.body, {}, each.format);
    REQUIRE(parsed.rejected.size() == 1);
    const Rejection& rejection = parsed.rejected[0];
    CHECK(rejection.code == each.code);
    CHECK(rejection.raw_bytes == each.raw.size());
    CHECK(rejection.raw.size() <= max_raw_bytes);
    CHECK(rejection.raw.size() >= max_raw_bytes - 3);
    const bool is_beginning = each.raw.starts_with(rejection.raw);
    CHECK(is_beginning);
  }
}

TEST_CASE("an event is kept whole, as large as the rules let it be") {
  const std::string text = R"({"event":1,"url":")" + std::string(200'000, 'x') + "\"}";
  const Parsed parsed = parse(text, {.max_event_bytes = text.size()});
  REQUIRE(parsed.rejected.size() == 1);
  CHECK(parsed.rejected[0].raw.size() == text.size());
  CHECK(parsed.rejected[0].raw_bytes == 0);
}

TEST_CASE("a pointer is no longer than a pointer may be") {
  for (const std::string& body :
       {"{\"event\":\"a\",\"" + std::string(60'000, '~') + "\":1}",
        "{\"batch\":[],\"" + std::string(1'000'000, '/') + "\":1}",
        "{\"event\":\"a\",\"properties\":{\"" + std::string(1'000, 'x') + "\":1e999}}"}) {
    const Parsed parsed = parse(body);
    REQUIRE(parsed.rejected.size() == 1);
    const std::string& pointer = parsed.rejected[0].pointer;
    CAPTURE(pointer);
    CHECK(pointer.size() <= max_pointer_bytes);
    CHECK(pointer.size() > max_pointer_bytes - 5);
    CHECK(pointer.ends_with("\u2026"));
  }
}
