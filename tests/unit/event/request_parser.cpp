#include "eventcollect/parser.hpp"

#include <doctest/doctest.h>

#include "support/parsing.hpp"

using namespace eventcollect;
using namespace eventcollect::test;

namespace {

constexpr std::string_view line_front =
    R"({"event_id":"0193f2a4-7b3c-7d11-8a5e-0123456789ab","event":)";
constexpr std::string_view line_times = R"("server_time":1763923000123,"event_time":1763923000123)";

// That `text` is rejected wherever it stands, and costs no neighbour.
void check_rejected(const std::string& text, std::string_view code, std::string_view pointer) {
  for (const Placed& place : everywhere(text)) {
    CAPTURE(text.substr(0, 300));
    CAPTURE(place.name);
    const Parsed parsed = parse(place.body, {}, place.format);
    CHECK(parsed.batch.size() == place.neighbours);
    REQUIRE(parsed.rejected.size() == 1);
    const Rejection& rejection = parsed.rejected[0];
    CHECK(rejection.code == code);
    CHECK(rejection.pointer == pointer);
    CHECK(rejection.index == place.index);
    CHECK_FALSE(rejection.message.empty());
    CHECK(rejection.raw == text.substr(0, max_raw_bytes));
    CHECK(rejection.raw_bytes == (text.size() > max_raw_bytes ? text.size() : 0));
    CHECK_NOTHROW(code_index(rejection.code));
  }
}

// That `text` is taken wherever it stands, and is stored as `line`.
void check_accepted(const std::string& text, const std::string& line) {
  for (const Placed& place : everywhere(text)) {
    CAPTURE(text.substr(0, 300));
    CAPTURE(place.name);
    const Parsed parsed = parse(place.body, {}, place.format);
    CHECK(parsed.codes() == std::vector<std::string>{});
    REQUIRE(parsed.batch.size() == place.neighbours + 1);
    CHECK(parsed.lines()[place.index] == line);
  }
}

void check_accepted(const std::string& text) {
  for (const Placed& place : everywhere(text)) {
    CAPTURE(text.substr(0, 300));
    CAPTURE(place.name);
    const Parsed parsed = parse(place.body, {}, place.format);
    CHECK(parsed.codes() == std::vector<std::string>{});
    CHECK(parsed.batch.size() == place.neighbours + 1);
  }
}

std::string named(std::string_view name) { return R"({"event":")" + std::string{name} + R"("})"; }

std::string with_url(std::string_view url) { return event(R"("url":")" + std::string{url} + '"'); }

std::string with_times(std::string_view client, std::string_view sent) {
  std::string members = R"("client_time":)" + std::string{client};
  if (!sent.empty()) members += R"(,"sent_time":)" + std::string{sent};
  return event(members);
}

}  // namespace

TEST_CASE("an accepted event is stored as one canonical line") {
  const auto line = [](std::string_view after_id, std::string_view after_times = {}) {
    return std::string{line_front} + std::string{after_id} + ',' + std::string{line_times} +
           std::string{after_times} + '}';
  };
  check_accepted(event(), line(R"("read","properties":{})"));
  check_accepted(event(R"("url":"https://a.example/b?c#d")"),
                 line(R"("read","url":"https://a.example/b?c#d","properties":{})"));
  check_accepted(event(R"("url":"")"), line(R"("read","url":"","properties":{})"));
  // The order is ours, not the client's.
  check_accepted(
      R"({"sent_time":1763922990500,"properties":{"b":1,"a":[]},"client_time":1763922990500,)"
      R"("url":"u","event":"x","event_id":"0193f2a4-7b3c-7d11-8a5e-0123456789ab"})",
      line(R"("x","url":"u","properties":{"b":1,"a":[]})",
           R"(,"client_time":1763922990500,"sent_time":1763922990500)"));
}

TEST_CASE("an event's views say what its line says") {
  const Parsed parsed = parse(event(R"("url":"https:\/\/a\u00e4.example","properties":{"k" : "v"},)"
                                    R"("client_time":1000,"sent_time":"1970-01-01T00:00:02Z")"),
                              {}, BodyFormat::json, R"({"ip":"192.0.2.0"})");
  REQUIRE(parsed.batch.size() == 1);
  const Event& stored = parsed.batch[0];
  CHECK(stored.id.to_string() == some_id);
  CHECK(stored.name == "read");
  CHECK(stored.url == "https://a\u00e4.example");
  CHECK(stored.properties == R"({"k":"v"})");
  CHECK(stored.server_time == server_time);
  CHECK(stored.event_time == server_time - std::chrono::seconds{1});
  CHECK(stored.client_time == from_milliseconds(1000));
  CHECK(stored.sent_time == from_milliseconds(2000));
  CHECK(stored.context == R"({"ip":"192.0.2.0"})");
  CHECK(stored.violations.empty());
  CHECK(stored.line ==
        std::string{line_front} +
            R"("read","url":"https://aä.example","properties":{"k":"v"},)"
            R"("server_time":1763923000123,"event_time":1763922999123,"client_time":1000,)"
            R"("sent_time":2000,"context":{"ip":"192.0.2.0"}})");
}

TEST_CASE("an event without url, properties and times has none but its properties") {
  const Parsed parsed = parse(named("a"));
  REQUIRE(parsed.batch.size() == 1);
  const Event& stored = parsed.batch[0];
  CHECK_FALSE(stored.url.has_value());
  CHECK(stored.properties == "{}");
  CHECK_FALSE(stored.client_time.has_value());
  CHECK_FALSE(stored.sent_time.has_value());
  CHECK(stored.context.empty());
}

TEST_CASE("a name is a string of 1 to 128 characters") {
  check_accepted(named("a"));
  check_accepted(named(repeat("a", 128)));
  check_accepted(named(repeat("\u00e4", 128)));           // two bytes each
  check_accepted(named(repeat("\u20ac", 128)));           // three
  check_accepted(named(repeat("\U0001F600", 128)));       // four
  check_accepted(named(repeat(R"(\ud83d\ude00)", 128)));  // the same, escaped
  check_accepted(named(repeat(R"(\u0061)", 128)));
  check_accepted(named("\u00a0"));  // the first behind C1

  check_rejected("{}", "event.missing", "/event");
  check_rejected(R"({"url":"u"})", "event.missing", "/event");
  for (const auto* value : {"1", "null", "true", "[]", "{}", R"(["a"])"}) {
    check_rejected(R"({"event":)" + std::string{value} + '}', "event.type", "/event");
  }
  check_rejected(named(""), "event.length", "/event");
  check_rejected(named(repeat("a", 129)), "event.length", "/event");
  check_rejected(named(repeat("\u00e4", 129)), "event.length", "/event");
  check_rejected(named(repeat("\U0001F600", 129)), "event.length", "/event");
  check_rejected(named(repeat(R"(\u0061)", 129)), "event.length", "/event");
}

TEST_CASE("a name has no control characters") {
  for (const auto* name : {R"(a\n)", R"(\u0001)", R"(a\u001fb)", R"(\t)", "\x7f", R"(\u007f)",
                           "\u0080", "a\u0085", "\u009f", R"(\u0080)", R"(\u009f)"}) {
    check_rejected(named(name), "string.invalid", "/event");
  }
}

TEST_CASE("a url is a string of at most 8 KiB") {
  check_accepted(with_url(repeat("u", 8192)));
  check_accepted(with_url(repeat("\u00e4", 4096)));
  check_accepted(with_url(repeat(R"(\u0075)", 8192)));  // counted as it will be read
  check_rejected(with_url(repeat("u", 8193)), "url.length", "/url");
  check_rejected(with_url(repeat("\u00e4", 4096) + "u"), "url.length", "/url");
  for (const auto* value : {"1", "false", "[]", "{}"}) {
    check_rejected(event(R"("url":)" + std::string{value}), "url.type", "/url");
  }
}

TEST_CASE("properties are an object") {
  check_accepted(with_properties("{}"));
  for (const auto* value : {"1", "true", "[]", R"("{}")", R"([{}])"}) {
    check_rejected(with_properties(value), "properties.type", "/properties");
  }
}

TEST_CASE("an event of more than 64 KiB is rejected") {
  const auto sized = [](std::size_t bytes) {
    const std::string frame = with_properties(R"({"a":""})");
    return with_properties(R"({"a":")" + std::string(bytes - frame.size(), 'x') + R"("})");
  };
  REQUIRE(sized(65536).size() == 65536);
  check_accepted(sized(65536));
  check_rejected(sized(65537), "event.too_large", "");
  // White space inside counts, that around does not.
  check_rejected(event(std::string(65536, ' ') + R"("url":"u")"), "event.too_large", "");
  check_accepted(event() + std::string(65536, ' '), parse(event()).lines()[0]);
}

TEST_CASE("the bound of an event's size is the rules'") {
  const std::string text = event();
  CHECK(parse(text, {.max_event_bytes = text.size()}).batch.size() == 1);
  CHECK(parse(text, {.max_event_bytes = text.size() - 1}).codes() ==
        std::vector<std::string>{"event.too_large"});
}

TEST_CASE("an event_id is a UUID of 36 characters, and stored in lower case") {
  struct Case {
    std::string_view given, stored;
  };
  const Case valid[] = {
      {"0193F2A4-7B3C-7D11-8A5E-0123456789AB", "0193f2a4-7b3c-7d11-8a5e-0123456789ab"},
      {"00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001"},
      {"ffffffff-ffff-ffff-ffff-fffffffffffe", "ffffffff-ffff-ffff-ffff-fffffffffffe"},
      {R"(\u00310000000-0000-4000-8000-000000000000)", "10000000-0000-4000-8000-000000000000"},
  };
  for (const auto& [given, stored] : valid) {
    check_accepted(R"({"event":"a","event_id":")" + std::string{given} + R"("})",
                   R"({"event_id":")" + std::string{stored} + R"(","event":"a","properties":{},)" +
                       std::string{line_times} + '}');
  }
  for (const auto* given :
       {R"("")", R"("0193f2a47b3c7d118a5e0123456789ab")",
        R"("{0193f2a4-7b3c-7d11-8a5e-0123456789ab}")", R"("0193f2a4-7b3c-7d11-8a5e-0123456789a")",
        R"("0193f2a4-7b3c-7d11-8a5e-0123456789abc")", R"("0193f2a4-7b3c-7d11-8a5e-0123456789ag")",
        R"("0193f2a47-b3c-7d11-8a5e-0123456789ab")", R"(" 193f2a4-7b3c-7d11-8a5e-0123456789ab")",
        R"("00000000-0000-0000-0000-000000000000")", R"("ffffffff-ffff-ffff-ffff-ffffffffffff")",
        R"("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")", "1", "{}"}) {
    check_rejected(R"({"event":"a","event_id":)" + std::string{given} + '}', "event_id.invalid",
                   "/event_id");
  }
}

TEST_CASE("where the client minted no event_id the server mints one of its own") {
  const Parsed parsed = parse(R"([{"event":"a"},{"event":"a"}])");
  REQUIRE(parsed.batch.size() == 2);
  const Batch& events = parsed.batch;
  for (const Event& stored : events) {
    CHECK((stored.id.bytes[6] >> 4) == 7);
    CHECK(stored.line.find(stored.id.to_string()) == std::string{R"({"event_id":")"}.size());
  }
  CHECK(events[0].id < events[1].id);
}

TEST_CASE("client_time and sent_time are milliseconds since 1970 or RFC 3339") {
  struct Case {
    std::string_view given;
    std::int64_t milliseconds;
  };
  const Case valid[] = {
      {"0", 0},
      {"1", 1},
      {"1763923000123", 1'763'923'000'123},
      {"253402300799999", 253'402'300'799'999},
      {"1763923000123.0", 1'763'923'000'123},
      {"1763923000123.9999999999", 1'763'923'000'123},
      {"0.999", 0},
      {"-0.0", 0},
      {"1e3", 1000},
      {"1.763923000123E+12", 1'763'923'000'123},
      {"17639230001239e-1", 1'763'923'000'123},
      {"253402300799999.5", 253'402'300'799'999},
      {"25340230079999900000e-5", 253'402'300'799'999},
      {R"("1970-01-01T00:00:00Z")", 0},
      {R"("2025-11-23T18:36:40.123Z")", 1'763'923'000'123},
      {R"("2025-11-23T19:36:40.1239+01:00")", 1'763'923'000'123},
      {R"("2025-11-23\u005418:36:40.123Z")", 1'763'923'000'123},
      {R"("9999-12-31T23:59:59.999Z")", 253'402'300'799'999},
  };
  for (const auto& each : valid) {
    const auto& [given, milliseconds] = each;
    CAPTURE(each.given);
    for (const std::string_view field : {"client_time", "sent_time"}) {
      const Parsed parsed = parse(event('"' + std::string{field} + R"(":)" + std::string{given}));
      REQUIRE(parsed.batch.size() == 1);
      const Event& stored = parsed.batch[0];
      const auto time = field == "client_time" ? stored.client_time : stored.sent_time;
      REQUIRE(time.has_value());
      CHECK(to_milliseconds(*time) == milliseconds);
      CHECK(stored.line.ends_with(",\"" + std::string{field} +
                                  "\":" + std::to_string(milliseconds) + '}'));
    }
  }
  for (const auto* given :
       {"-1", "-0.5", "-1e3", "253402300800000", "253402300800000.5", "2.534023008e14", "1e300",
        "9223372036854775808", "99999999999999999999", "true", "[]", "{}", R"("")",
        R"("1763923000123")", R"("2025-11-23")", R"("2025-11-23T18:36:40")",
        R"("2025-02-29T00:00:00Z")", R"("1969-12-31T23:59:59.999Z")",
        R"("9999-12-31T23:59:59.999-00:01")"}) {
    const std::string value{given};
    check_rejected(event(R"("client_time":)" + value), "client_time.invalid", "/client_time");
    check_rejected(event(R"("sent_time":)" + value), "sent_time.invalid", "/sent_time");
  }
}

TEST_CASE("event_time is server_time less the client's delay, up to 30 days") {
  constexpr std::int64_t now = 1'763'923'000'123;
  constexpr std::int64_t days30 = 30LL * 24 * 60 * 60 * 1000;
  struct Case {
    std::string_view why, client, sent;
    std::int64_t event_time;
  };
  const std::string at_limit = std::to_string(5000 + days30);
  const std::string beyond = std::to_string(5001 + days30);
  const Case cases[] = {
      {"no delay", "5000", "5000", now},
      {"a delay", "5000", "6500", now - 1500},
      {"a clock of its own makes no difference", "250000000000000", "250000000001500", now - 1500},
      {"sent before it happened", "5001", "5000", now},
      {"30 days", "5000", at_limit, now - days30},
      {"a millisecond more", "5000", beyond, now},
      {"two notations", R"("1970-01-01T00:00:05Z")", "6500", now - 1500},
      {"not sent at a known time", "5000", "", now},
  };
  for (const Case& each : cases) {
    CAPTURE(each.why);
    const Parsed parsed = parse(with_times(each.client, each.sent));
    REQUIRE(parsed.batch.size() == 1);
    CHECK(to_milliseconds(parsed.batch[0].event_time) == each.event_time);
    CHECK(to_milliseconds(parsed.batch[0].server_time) == now);
  }
}

TEST_CASE("null for an optional field means that it is absent") {
  const std::string line = parse(event()).lines().at(0);
  for (const auto* members :
       {R"("url":null)", R"("properties":null)", R"("client_time":null)", R"("sent_time":null)",
        R"("url":null,"properties":null,"client_time":null,"sent_time":null)"}) {
    check_accepted(event(members), line);
  }
  check_accepted(R"({"event":"a","event_id":null})");
  check_rejected(event(R"("url":null,"url":null)"), "field.duplicate", "/url");
  check_rejected(event(R"("user":null)"), "field.unknown", "/user");
}

TEST_CASE("how long a request took to come is no delay of the client") {
  struct Case {
    std::string_view why, text;
    std::int64_t milliseconds_ago;
  };
  const Case cases[] = {
      {"no delay", R"({"event":"a","client_time":5000,"sent_time":5000})", 6000},
      {"a delay", R"({"event":"a","client_time":5000,"sent_time":5500})", 6500},
      {"a delay that is not credible", R"({"event":"a","client_time":5001,"sent_time":5000})", 0},
      {"no sent_time", R"({"event":"a","client_time":5000})", 0},
  };
  for (const Case& each : cases) {
    CAPTURE(each.why);
    Parser parser;
    Batch batch;
    std::vector<Rejection> rejected;
    parser.parse(each.text, BodyFormat::json,
                 {.server_time = server_time, .upload_time = std::chrono::seconds{6}}, {}, batch,
                 rejected);
    const Batch& stored = batch;
    REQUIRE(stored.size() == 1);
    CHECK(stored[0].server_time == server_time);
    CHECK(stored[0].event_time == server_time - std::chrono::milliseconds{each.milliseconds_ago});
  }
}

TEST_CASE("an event_time before the epoch is the epoch") {
  Parser parser;
  Batch batch;
  std::vector<Rejection> rejected;
  parser.parse(with_times("0", "2000"), BodyFormat::json, {.server_time = from_milliseconds(1000)},
               {}, batch, rejected);
  REQUIRE(batch.size() == 1);
  CHECK(batch[0].event_time == TimePoint{});
}

TEST_CASE("a client is not believed in what the server owns") {
  const std::string line = parse(event()).lines().at(0);
  for (const auto* members :
       {R"("server_time":1)", R"("event_time":"1999-01-01T00:00:00Z")", R"("context":{"ip":"x"})",
        R"("violations":[1])", R"("server_time":null,"event_time":{},"context":7,"violations":"")",
        R"("server\u005ftime":1)"}) {
    check_accepted(event(members), line);
  }
}

TEST_CASE("an unknown field is rejected") {
  check_rejected(event(R"("user":1)"), "field.unknown", "/user");
  check_rejected(event(R"("Event":1)"), "field.unknown", "/Event");
  check_rejected(event(R"("":1)"), "field.unknown", "/");
  check_rejected(event(R"("a/b~c":{})"), "field.unknown", "/a~1b~0c");
  check_rejected(event(R"("\u0061\/":1)"), "field.unknown", "/a~1");
  check_rejected(event(R"("first":1,"second":2)"), "field.unknown", "/first");
}

TEST_CASE("what is no object is no event") {
  for (const auto* text : {"1", "null", "true", R"("event")", "[[]]", "-0.5e1"}) {
    const Parsed parsed = parse('[' + std::string{text} + ',' + event() + ']');
    CHECK(parsed.codes() == std::vector<std::string>{"event.not_object"});
    CHECK(parsed.rejected.at(0).raw == text);
    CHECK(parsed.batch.size() == 1);
    CHECK(parse_lines(text).codes() == std::vector<std::string>{"event.not_object"});
  }
  for (const auto* text : {"1", "null", R"("event")"}) {
    CHECK(parse(text).codes() == std::vector<std::string>{"event.not_object"});
  }
}

TEST_CASE("a rejection names the event_id where the client gave a valid one") {
  struct Case {
    std::string_view why;
    std::string text;
    bool named;
  };
  const Case cases[] = {
      {"rejected for its type", event(R"("url":1)"), true},
      {"rejected for its size", event(R"("url":")" + std::string(70'000, 'u') + '"'), true},
      {"rejected for a fault", with_properties(R"({"a":1e999})"), true},
      {"rejected for a field", event(R"("user":1)"), true},
      {"upper case", R"({"event_id":"0193F2A4-7B3C-7D11-8A5E-0123456789AB"})", true},
      {"an escape", R"({"event_id":"\u0030193f2a4-7b3c-7d11-8a5e-0123456789ab"})", true},
      {"none given", R"({"event":1})", false},
      {"nil", R"({"event_id":"00000000-0000-0000-0000-000000000000"})", false},
      {"no UUID", R"({"event":"a","event_id":"x"})", false},
      {"no string", R"({"event":"a","event_id":[]})", false},
      {"no object", "[1]", false},
  };
  for (const Case& each : cases) {
    CAPTURE(each.why);
    const Parsed parsed = parse(each.text);
    REQUIRE(parsed.rejected.size() == 1);
    const auto& id = parsed.rejected[0].event_id;
    CHECK(id.has_value() == each.named);
    if (id) CHECK(id->to_string() == some_id);
  }
}

TEST_CASE("url loses its query and its fragment where the rules say so") {
  struct Case {
    std::string_view given, no_query, no_fragment, neither;
  };
  const Case cases[] = {
      {"https://a/b", "https://a/b", "https://a/b", "https://a/b"},
      {"https://a/b?c=d#e", "https://a/b#e", "https://a/b?c=d", "https://a/b"},
      {"https://a/b#e?c", "https://a/b#e?c", "https://a/b", "https://a/b"},
      {"?c", "", "?c", ""},
      {"#e", "#e", "", ""},
      {"a?b?c", "a", "a?b?c", "a"},
      {"a?#", "a#", "a?", "a"},
      {"", "", "", ""},
      {R"(https:\/\/a\/b\u003fc=d\u0023e)", "https://a/b#e", "https://a/b?c=d", "https://a/b"},
      {R"(\u0061\"\\?c#\u00e4\n)", "a\"\\#\u00e4\n", "a\"\\?c", "a\"\\"},
  };
  const auto escaped = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c == '\n' ? std::string{R"(\n)"} : std::string{c};
    }
    return out;
  };
  for (const Case& each : cases) {
    const std::pair<Rules, std::string_view> variants[] = {
        {{.strip_query = true}, each.no_query},
        {{.strip_fragment = true}, each.no_fragment},
        {{.strip_query = true, .strip_fragment = true}, each.neither},
    };
    for (const auto& variant : variants) {
      const auto& [rules, expected] = variant;
      CAPTURE(each.given);
      CAPTURE(variant.first.strip_query);
      CAPTURE(variant.first.strip_fragment);
      const Parsed parsed = parse(with_url(each.given), rules);
      REQUIRE(parsed.batch.size() == 1);
      const Event& stored = parsed.batch[0];
      CHECK(stored.url == expected);
      CHECK(stored.line == std::string{line_front} + R"("read","url":")" + escaped(expected) +
                               R"(","properties":{},)" + std::string{line_times} + '}');
    }
  }
}

TEST_CASE("a url is measured before it is stripped") {
  const std::string url = "u?" + std::string(8191, 'q');
  CHECK(parse(with_url(url), {.strip_query = true}).codes() ==
        std::vector<std::string>{"url.length"});
}

TEST_CASE("is_json_object tells a stored line from a torn one") {
  const std::string line = parse(event()).lines().at(0);
  CHECK(is_json_object(line));
  CHECK(is_json_object("{}"));
  for (std::size_t bytes = 0; bytes < line.size(); ++bytes) {
    CHECK_FALSE(is_json_object(std::string_view{line}.substr(0, bytes)));
  }
  for (const std::string_view text :
       {"[]", "1", "{}{}", "{}x", "x{}", "{\"a\":\"\xff\"}", "{\"a\":1,}"}) {
    CHECK_FALSE(is_json_object(text));
  }
}
