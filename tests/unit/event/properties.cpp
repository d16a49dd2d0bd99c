#include "eventcollect/properties.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "support/parsing.hpp"

using namespace eventcollect;

TEST_CASE("properties are written as the JSON that they stand for") {
  CHECK(Properties{}.json() == "{}");
  const Properties properties{
      {"cents", 1999},
      {"gift", true},
      {"no", false},
      {"none", nullptr},
      {"tags", {"new", "eu"}},
      {"mixed", {1, "a", true, nullptr, 1.5}},
      {"name", std::string{"ä"}},
      {"view", std::string_view{"v"}},
      {"object", Properties{{"a", {1, 2}}, {"b", Properties{}}}},
  };
  CHECK(properties.json() ==
        R"({"cents":1999,"gift":true,"no":false,"none":null,"tags":["new","eu"],)"
        R"("mixed":[1,"a",true,null,1.5],"name":"ä","view":"v","object":{"a":[1,2],"b":{}}})");
}

TEST_CASE("a list is an array, of one element too") {
  CHECK(Properties{{"a", {1}}}.json() == R"({"a":[1]})");
  CHECK(Properties{{"a", {"x"}}}.json() == R"({"a":["x"]})");
  CHECK(Properties{{"a", {"x", "y"}}}.json() == R"({"a":["x","y"]})");
  CHECK(Properties{{"a", {{1, 2}, {3, 4}}}}.json() == R"({"a":[[1,2],[3,4]]})");
}

TEST_CASE("integers are exact") {
  CHECK(PropertyValue(std::numeric_limits<std::int64_t>::min()).json() == "-9223372036854775808");
  CHECK(PropertyValue(std::numeric_limits<std::uint64_t>::max()).json() == "18446744073709551615");
  CHECK(PropertyValue(std::uint8_t{200}).json() == "200");
  CHECK(PropertyValue(-1).json() == "-1");
}

TEST_CASE("a double is written so that it reads back the same, and as JSON") {
  for (const double value : {0.0, -0.0, 1.0, 0.1, 1e21, 1e-7, 1.7976931348623157e308, 5e-324,
                             -123456.789, std::nextafter(1.0, 2.0)}) {
    const std::string json = PropertyValue(value).json();
    CAPTURE(json);
    const double read = std::strtod(json.c_str(), nullptr);
    CHECK(read == value);
    CHECK(std::signbit(read) == std::signbit(value));
    CHECK(is_json_object("{\"a\":" + json + '}'));
  }
  CHECK(PropertyValue(1.5F).json() == "1.5");
}

TEST_CASE("a string is escaped where JSON asks for it") {
  using namespace std::string_view_literals;
  CHECK(PropertyValue("\"\\/\n\x01\x7f ä😀"sv).json() == "\"\\\"\\\\/\\n\\u0001\x7f ä😀\"");
  CHECK(PropertyValue("a\0b"sv).json() == R"("a\u0000b")");
  CHECK(Properties{{"k\"", 1}}.json() == R"({"k\"":1})");
}

TEST_CASE("what JSON has no words for is rejected as if a client had sent it") {
  struct Case {
    Properties properties;
    std::string_view code;
  };
  const Case cases[] = {
      {{{"n", std::nan("")}}, "number.range"},
      {{{"n", std::numeric_limits<double>::infinity()}}, "number.range"},
      {{{"n", -std::numeric_limits<double>::infinity()}}, "number.range"},
      {{{"s", "\xff"}}, "json.malformed"},
      {{{"a", 1}, {"a", 2}}, "field.duplicate"},
  };
  for (const auto& [properties, code] : cases) {
    const auto parsed = test::parse(test::with_properties(properties.json()));
    CHECK(parsed.codes() == std::vector<std::string>{std::string{code}});
  }
}

TEST_CASE("U+0000 in a property is stored as U+FFFD") {
  const Properties properties{{"s", std::string_view{"a\0", 2}}};
  const auto parsed = test::parse(test::with_properties(properties.json()));
  REQUIRE(parsed.batch.size() == 1);
  const Batch& stored = parsed.batch;
  CHECK(stored[0].properties == "{\"s\":\"a\uFFFD\"}");
}
