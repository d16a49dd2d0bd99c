#include "eventcollect/clock.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace eventcollect;

TEST_CASE("an RFC 3339 date-time is read to the millisecond") {
  struct Case {
    std::string_view text;
    std::int64_t milliseconds;
  };
  const Case cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01t00:00:00z", 0},
      {"1970-01-01 00:00:00Z", 0},  // section 5.6 leaves room for it
      {"2025-11-23T18:36:40.123Z", 1'763'923'000'123},
      {"2025-11-23T18:36:40.1Z", 1'763'923'000'100},
      {"2025-11-23T18:36:40.12Z", 1'763'923'000'120},
      {"2025-11-23T18:36:40.123999999999999999999Z", 1'763'923'000'123},
      {"2025-11-23T18:36:40.0009Z", 1'763'923'000'000},
      {"2025-11-23T19:36:40.123+01:00", 1'763'923'000'123},
      {"2025-11-23T13:06:40.123-05:30", 1'763'923'000'123},
      {"2025-11-24T18:35:40.123+23:59", 1'763'923'000'123},
      {"2025-11-23T18:36:40.123-00:00", 1'763'923'000'123},
      {"1969-12-31T23:00:00-01:00", 0},
      {"2000-02-29T00:00:00Z", 951'782'400'000},
      {"2024-02-29T00:00:00Z", 1'709'164'800'000},
      {"2016-12-31T23:59:60Z", 1'483'228'800'000},  // a leap second
      {"9999-12-31T23:59:59.999Z", 253'402'300'799'999},
      {"9999-12-31T23:59:59.9999Z", 253'402'300'799'999},
  };
  for (const auto& each : cases) {
    const auto& [text, milliseconds] = each;
    CAPTURE(each.text);
    const auto time = parse_rfc3339(text);
    REQUIRE(time.has_value());
    CHECK(to_milliseconds(*time) == milliseconds);
  }
}

TEST_CASE("what is no RFC 3339 date-time of 1970 to 9999 is not read") {
  for (const std::string_view text : {"",
                                      "2025",
                                      "2025-11-23",
                                      "18:36:40Z",
                                      "2025-11-23T18:36:40",
                                      "2025-11-23T18:36Z",
                                      "2025-11-23T18:36:40.Z",
                                      "2025-11-23T18:36:40,5Z",
                                      "2025-11-23T18:36:40+1:00",
                                      "2025-11-23T18:36:40+0100",
                                      "2025-11-23T18:36:40+01",
                                      "2025-11-23T18:36:40+24:00",
                                      "2025-11-23T18:36:40+01:60",
                                      "2025-11-23T24:00:00Z",
                                      "2025-11-23T18:60:00Z",
                                      "2025-11-23T18:36:61Z",
                                      "2025-13-01T00:00:00Z",
                                      "2025-00-01T00:00:00Z",
                                      "2025-04-31T00:00:00Z",
                                      "2025-11-00T00:00:00Z",
                                      "2025-02-29T00:00:00Z",
                                      "2100-02-29T00:00:00Z",
                                      "25-11-23T18:36:40Z",
                                      "2025-1-23T18:36:40Z",
                                      "2025-11-23_18:36:40Z",
                                      "2025/11/23T18:36:40Z",
                                      "+2025-11-23T18:36:40Z",
                                      "-025-11-23T18:36:40Z",
                                      " 2025-11-23T18:36:40Z",
                                      "2025-11-23T18:36:40Z ",
                                      "2025-11-23T18:36:40ZZ",
                                      "2025-11-23T18:36:40 Z",
                                      "20251-11-23T18:36:40Z",
                                      "10000-01-01T00:00:00Z",
                                      "1969-12-31T23:59:59.999Z",
                                      "1970-01-01T00:00:00+00:01",
                                      "0000-01-01T00:00:00Z",
                                      "9999-12-31T23:59:60Z",
                                      "9999-12-31T23:59:59-00:01",
                                      "1763923000123"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text).has_value());
  }
}

TEST_CASE("a date-time cut short anywhere is not read") {
  const std::string text = "2025-11-23T18:36:40.123+01:00";
  for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
    CHECK_FALSE(parse_rfc3339(text.substr(0, bytes)).has_value());
  }
}

TEST_CASE("a time is written as RFC 3339 with milliseconds, and read back the same") {
  CHECK(format_rfc3339(TimePoint{}) == "1970-01-01T00:00:00.000Z");
  CHECK(format_rfc3339(from_milliseconds(1'763'923'000'023)) == "2025-11-23T18:36:40.023Z");
  CHECK(format_rfc3339(latest_time) == "9999-12-31T23:59:59.999Z");
  for (std::int64_t milliseconds = 0; milliseconds <= to_milliseconds(latest_time);
       milliseconds += 86'399'999'999) {
    const TimePoint time = from_milliseconds(milliseconds);
    CHECK(parse_rfc3339(format_rfc3339(time)) == time);
  }
}

TEST_CASE("a manual clock moves when it is told") {
  ManualClock clock{from_milliseconds(5)};
  const Clock& seen = clock;
  CHECK(seen.now() == from_milliseconds(5));
  CHECK(seen.now() == from_milliseconds(5));
  clock.advance(std::chrono::seconds{2});
  CHECK(seen.now() == from_milliseconds(2005));
  clock.set(from_milliseconds(7));
  CHECK(seen.now() == from_milliseconds(7));
}

TEST_CASE("the system clock is later than the build, and the build later than its source") {
  CHECK(system_clock().now() >= build_time());
  CHECK(build_time() > parse_rfc3339("2025-01-01T00:00:00Z"));
}
