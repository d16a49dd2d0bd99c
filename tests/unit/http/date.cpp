#include "http/date.hpp"

#include <doctest/doctest.h>

namespace eventcollect::http {
namespace {

std::chrono::sys_seconds at(std::int64_t seconds) {
  return std::chrono::sys_seconds{std::chrono::seconds{seconds}};
}

TEST_CASE("a date is written as HTTP has it, and follows the clock") {
  Date date{at(784'111'777)};
  CHECK(date.text() == "Sun, 06 Nov 1994 08:49:37 GMT");
  date.update(at(784'111'778));
  CHECK(date.text() == "Sun, 06 Nov 1994 08:49:38 GMT");
  date.update(at(1'709'251'199));
  CHECK(date.text() == "Thu, 29 Feb 2024 23:59:59 GMT");
  date.update(at(0));
  CHECK(date.text() == "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace
}  // namespace eventcollect::http
