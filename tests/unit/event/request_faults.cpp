// What well-formed JSON may hold that no event may, and what must be stored as it came.
#include <doctest/doctest.h>

#include "eventcollect/parser.hpp"
#include "support/parsing.hpp"

using namespace eventcollect;
using namespace eventcollect::test;

namespace {

// That properties which are `value` are rejected wherever they stand, and cost no neighbour.
void check_rejected(std::string_view value, std::string_view code, std::string_view pointer) {
  const std::string text = with_properties(value);
  for (const Placed& place : everywhere(text)) {
    CAPTURE(value.substr(0, 300));
    CAPTURE(place.name);
    const Parsed parsed = parse(place.body, {}, place.format);
    CHECK(parsed.batch.size() == place.neighbours);
    REQUIRE(parsed.rejected.size() == 1);
    CHECK(parsed.rejected[0].code == code);
    CHECK(parsed.rejected[0].pointer == pointer);
    CHECK(parsed.rejected[0].index == place.index);
    CHECK(parsed.rejected[0].event_id == Uuid::parse(some_id));
    CHECK(parsed.rejected[0].raw == text);
  }
}

// That properties which are `value` are stored as `stored`.
void check_stored(std::string_view value, std::string_view stored) {
  for (const Placed& place : everywhere(with_properties(value))) {
    CAPTURE(value.substr(0, 300));
    CAPTURE(place.name);
    const Parsed parsed = parse(place.body, {}, place.format);
    CHECK(parsed.codes() == std::vector<std::string>{});
    REQUIRE(parsed.batch.size() == place.neighbours + 1);
    const Event& event = parsed.batch[place.index];
    CHECK(event.properties == stored);
    CHECK(event.line.find(R"(,"properties":)" + std::string{stored} + R"(,"server_time":)") !=
          std::string_view::npos);
  }
}

void check_stored(std::string_view value) { check_stored(value, value); }

std::string nested(std::size_t levels, char open, char close, std::string_view inside) {
  std::string text;
  for (std::size_t i = 0; i < levels; ++i) {
    text += open;
    if (open == '{') text += R"("a":)";
  }
  return text.append(inside) + std::string(levels, close);
}

// An object of `count` members with the keys that `key` makes of their numbers.
template <typename Key>
std::string wide(std::size_t count, Key&& key) {
  std::string text = "{";
  for (std::size_t i = 0; i < count; ++i) {
    text += (i == 0 ? "\"" : ",\"") + key(i) + "\":" + std::to_string(i);
  }
  return text + '}';
}

}  // namespace

TEST_CASE("properties are stored as they came, white space aside") {
  check_stored(R"({"b":1,"a":2,"A":3})");
  check_stored(R"({"s":" a  b ","t":"{ : , }","q":"\" \\ \/ \b\f\n\r\t","k y":[ 1 , 2 ]})",
               R"({"s":" a  b ","t":"{ : , }","q":"\" \\ \/ \b\f\n\r\t","k y":[1,2]})");
  check_stored(" {\t\"a\" :\r[ true , false,null ]  } ", R"({"a":[true,false,null]})");
  check_stored(R"({ })", R"({})");
  check_stored(R"({"e":"\u00e4\ud83d\ude00\u0061\u007f","r":"ä😀"})");
  check_stored(R"({"":{"":[{},[],""]}})");
  check_stored("{\"del\":\"\x7f\",\"c1\":\"\u0085\",\"ls\":\"\u2028\"}");
}

TEST_CASE("a line feed between tokens does not get into the line") {
  const Parsed parsed =
      parse("{\n\"event\"\n:\n\"a\"\n,\n\"properties\"\n:\n{\n\"b\"\n:\n[\n1\n,\n2\n]\n}\n}\n");
  REQUIRE(parsed.batch.size() == 1);
  CHECK(parsed.batch[0].properties == R"({"b":[1,2]})");
  CHECK(parsed.batch[0].line.find('\n') == std::string_view::npos);
}

TEST_CASE("a number inside the range of a double is kept as it was written") {
  for (const auto* number :
       {"0", "-0", "-0.0", "1.50", "1E5", "1e+05", "12345678901234567890", "18446744073709551616",
        "-9223372036854775809", "123456789012345678901234567890123456789012345678901234567890",
        "1e308", "1.7976931348623157e308", "-1.7976931348623157e308", "0e99999999999999999999",
        "0.000e+400", "5e-324", "0.1e309", "0.00001e312", "1e00000000000000000000308"}) {
    check_stored(R"({"n":)" + std::string{number} + '}');
  }
  check_stored(R"({"n":)" + std::string(308, '9') + '}');
  check_stored(R"({"n":1)" + std::string(308, '0') + ".5}");
  check_stored(R"({"n":0.)" + std::string(2000, '0') + '}');
  check_stored(R"({"n":0.)" + std::string(290, '0') + "1}");
  check_stored(R"({"n":0.)" + std::string(2000, '0') + "1e2300}");
  check_stored(R"({"n":1)" + std::string(2000, '0') + "e-1700}");
}

TEST_CASE("a number outside the range of a double is rejected") {
  for (const auto* number :
       {"1e309", "-1e309", "1.7976931348623159e308", "10e308", "0.1e310", "1e400",
        "1e99999999999999999999", "1e+99999999999999999999", "-1E+400", "0.00001e314"}) {
    check_rejected(R"({"n":)" + std::string{number} + '}', "number.range", "/properties/n");
  }
  check_rejected(R"({"n":)" + std::string(310, '9') + '}', "number.range", "/properties/n");
  check_rejected(R"({"n":[0,-1)" + std::string(309, '0') + ".0]}", "number.range",
                 "/properties/n/1");
  check_rejected(R"({"n":0.)" + std::string(2000, '0') + "1e2310}", "number.range",
                 "/properties/n");
  check_rejected(R"({"n":1)" + std::string(2000, '0') + "e-1690}", "number.range", "/properties/n");
}

TEST_CASE("a number so small that it becomes zero is rejected") {
  for (const auto* number :
       {"1e-400", "-1e-400", "1e-99999999999999999999", "2e-324", "0.1e-323"}) {
    check_rejected(R"({"n":)" + std::string{number} + '}', "number.range", "/properties/n");
  }
  check_rejected(R"({"n":0.)" + std::string(2000, '0') + "1}", "number.range", "/properties/n");
}

TEST_CASE("U+0000 and half a surrogate pair are stored as U+FFFD") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"(\u0000)", "\uFFFD"},
      {R"(a\u0000b)", "a\uFFFDb"},
      {R"(cut \ud83d)", "cut \uFFFD"},
      {R"(\uDBFF)", "\uFFFD"},
      {R"(\udc00)", "\uFFFD"},
      {R"(\ude00\ud83d)", "\uFFFD\uFFFD"},
      {R"(\ud83d\ud83d\ude00)", "\uFFFD\\ud83d\\ude00"},
      {R"(\ud83d\u0061)", "\uFFFD\\u0061"},
      {R"(\ud83dx\ude00)", "\uFFFDx\uFFFD"},
      {R"(\ud83d\n)", "\uFFFD\\n"},
      {R"(\ud83d\ude00\ude00)", "\\ud83d\\ude00\uFFFD"},
  };
  for (const auto& [text, stored] : cases) {
    const auto in = [](std::string_view front, std::string_view inside, std::string_view back) {
      return std::string{front}.append(inside).append(back);
    };
    check_stored(in(R"({"s":")", text, R"("})"), in(R"({"s":")", stored, R"("})"));
    check_stored(in(R"({"s":[{},")", text, R"("]})"), in(R"({"s":[{},")", stored, R"("]})"));
    check_stored(in(R"({"x":[{")", text, R"(":1}]})"), in(R"({"x":[{")", stored, R"(":1}]})"));
  }
  check_stored(R"({"s":"\ud83d\ude00","t":"\uD800\uDC00\uDBFF\uDFFF","u":"\\ud800\\u0000"})");
}

TEST_CASE("the replacement comes before all else that looks at a text") {
  const Parsed parsed =
      parse(R"({"event":"a\u0000\ud83d","url":"u\udfff?q","properties":{},"server_time":"\ud800",)"
            R"("event_id":"0193f2a4-7b3c-7d11-8a5e-0123456789ab"})");
  REQUIRE(parsed.batch.size() == 1);
  const Event& stored = parsed.batch[0];
  CHECK(stored.name == "a\uFFFD\uFFFD");
  CHECK(stored.url == "u\uFFFD?q");
  CHECK(stored.line.find("\"event\":\"a\uFFFD\uFFFD\",\"url\":\"u\uFFFD?q\"") !=
        std::string_view::npos);
  check_rejected(R"({"a\ud800":1,"a\udc00":2})", "field.duplicate", "/properties/a\uFFFD");
  check_rejected("{\"a\\u0000\":1,\"a\uFFFD\":2}", "field.duplicate", "/properties/a\uFFFD");
  CHECK(parse(event(R"("user\ud800":1)")).rejected.at(0).pointer == "/user\uFFFD");
  CHECK(parse(event(R"("url":")" + repeat(R"(\ud800)", 2730) + '"')).batch.size() == 1);
  CHECK(parse(event(R"("url":")" + repeat(R"(\ud800)", 2731) + '"')).codes() ==
        std::vector<std::string>{"url.length"});
}

TEST_CASE("faults are found in fields that are not stored") {
  struct Case {
    std::string members;
    std::string_view code, pointer;
  };
  const Case cases[] = {
      {R"("context":{"a":1e999})", "number.range", "/context/a"},
      {R"("server_time":1e999)", "number.range", "/server_time"},
      {R"("violations":[1e-999])", "number.range", "/violations/0"},
      {R"("user":{"b":1,"b":2})", "field.duplicate", "/user/b"},
  };
  for (const auto& each : cases) {
    const auto& [members, code, pointer] = each;
    CAPTURE(each.members);
    const Parsed parsed = parse(event(members));
    REQUIRE(parsed.rejected.size() == 1);
    CHECK(parsed.rejected[0].code == code);
    CHECK(parsed.rejected[0].pointer == pointer);
  }
}

TEST_CASE("an event is nested 32 levels deep at most, itself included") {
  for (const auto& [open, close] : {std::pair{'[', ']'}, std::pair{'{', '}'}}) {
    // The event is the first level, its properties the second.
    check_stored(R"({"a":)" + nested(30, open, close, "1") + '}');
    check_stored(R"({"a":)" + nested(29, open, close, open == '{' ? "{}" : "[]") + '}');
    const std::string step = open == '{' ? "/a" : "/0";
    check_rejected(R"({"a":)" + nested(31, open, close, "1") + '}', "json.too_deep",
                   "/properties/a" + repeat(step, 30));
    check_rejected(R"({"a":)" + nested(30, open, close, open == '{' ? "[]" : "{}") + '}',
                   "json.too_deep", "/properties/a" + repeat(step, 30));
    check_rejected(R"({"a":)" + nested(10'000, open, close, "1") + '}', "json.too_deep",
                   "/properties/a" + repeat(step, 30));
  }
  check_stored(R"({"a":)" + nested(30, '[', ']', "1") + R"(,"b":)" + nested(30, '[', ']', "1") +
               '}');
}

TEST_CASE("endless nesting is malformed and uses no stack") {
  for (const auto* piece : {"[", "{\"a\":", "[{\"a\":"}) {
    CHECK(parse(repeat(piece, 1 << 17)).codes() == std::vector<std::string>{"json.malformed"});
  }
}

TEST_CASE("a key given twice is rejected at any depth") {
  check_rejected(R"({"a":1,"a":1})", "field.duplicate", "/properties/a");
  check_rejected(R"({"x":{"a":1,"b":2,"a":3}})", "field.duplicate", "/properties/x/a");
  check_rejected(R"({"x":[0,[{"y":{"a":1,"a":2}}]]})", "field.duplicate", "/properties/x/1/0/y/a");
  check_rejected(R"({"":1,"":2})", "field.duplicate", "/properties/");
  check_rejected(R"({"a/~":1,"a/~":2})", "field.duplicate", "/properties/a~1~0");
  check_rejected(R"({"a":{"b":1},"a":{"c":1}})", "field.duplicate", "/properties/a");
  check_rejected(R"({"a" : 1 , "b":{},"a": 1})", "field.duplicate", "/properties/a");
}

TEST_CASE("a key given twice is found behind escapes") {
  check_rejected(R"({"a":1,"\u0061":1})", "field.duplicate", "/properties/a");
  check_rejected(R"({"\u0061":1,"a":1})", "field.duplicate", "/properties/a");
  check_rejected(R"({"\/":1,"/":1})", "field.duplicate", "/properties/~1");
  check_rejected(R"({"\u00e4":1,"ä":1})", "field.duplicate", "/properties/ä");
  check_rejected(R"({"\ud83d\ude00":1,"😀":1})", "field.duplicate", "/properties/😀");
  check_rejected(R"({"\n":1,"\u000A":1})", "field.duplicate", "/properties/\n");
  check_stored(R"({"a":1,"\\u0061":1,"A":1,"\u0061b":1})");
}

TEST_CASE("the same key in different objects is no duplicate") {
  check_stored(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}],"c":{"a":1}})");
  check_stored(R"({"event":1,"url":2,"properties":{"event":1}})");
}

TEST_CASE("a key given twice is found among hundreds") {
  const auto plain = [](std::size_t i) { return "key" + std::to_string(i); };
  check_stored(wide(700, plain));
  for (const std::size_t twin : {0U, 1U, 11U, 12U, 13U, 350U, 698U}) {
    for (const std::size_t count : {twin + 2, std::size_t{700}}) {
      const auto key = [&](std::size_t i) { return plain(i + 1 == count ? twin : i); };
      check_rejected(wide(count, key), "field.duplicate", "/properties/key" + std::to_string(twin));
    }
  }
  // The same character, written as it is and escaped.
  const auto escaped = [&](std::size_t i) { return i == 500 ? R"(\u006bey7)" : plain(i); };
  check_rejected(wide(700, escaped), "field.duplicate", "/properties/key7");
  const auto all_escaped = [&](std::size_t i) { return R"(\u006b)" + std::to_string(i); };
  check_stored(wide(700, all_escaped));
  const auto with_objects = [&](std::size_t i) {
    return plain(i) + R"(":{"a":1,"b":2},"x)" + plain(i);
  };
  check_stored(wide(400, with_objects));
}

TEST_CASE("a field of the event given twice is rejected") {
  for (const std::string_view field :
       {"event", "url", "properties", "event_id", "client_time", "sent_time", "server_time",
        "event_time", "context", "violations"}) {
    CAPTURE(field);
    const std::string name{field};
    const std::string value = field == "properties" ? "{}" : "1";
    const Parsed parsed = parse("{\"" + name + "\":" + value + ",\"" + name + "\":" + value + '}');
    REQUIRE(parsed.rejected.size() == 1);
    CHECK(parsed.rejected[0].code == "field.duplicate");
    CHECK(parsed.rejected[0].pointer == '/' + name);
  }
  CHECK(parse(R"({"event":"a","\u0065vent":"a"})").codes() ==
        std::vector<std::string>{"field.duplicate"});
}

TEST_CASE("the pointer leads to the culprit through objects and arrays") {
  check_rejected(R"({"a":[[],{},"]",{"b":"}","c/d":[1,{"~e":[true,1e999]}]}]})", "number.range",
                 "/properties/a/3/c~1d/1/~0e/1");
  check_rejected(R"({"a":[1,2,3],"b":{"c":[]},"d":1e999})", "number.range", "/properties/d");
  check_rejected(R"({"a\"b":{"\u002f":1e999}})", "number.range", "/properties/a\"b/~1");
  check_rejected(R"({"a":[ 1 , [ 1e999 ] ]})", "number.range", "/properties/a/1/0");
}
