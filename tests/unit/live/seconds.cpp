#include "live/seconds.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/events.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;
using live::Seconds;

// The last `count` numbers of what is told at `now`.
std::string tail(const Seconds& seconds, TimePoint now, std::size_t count) {
  std::string json = "[";
  seconds.append(json, now);
  CHECK(std::count(json.begin(), json.end(), ',') == Seconds::kept - 1);
  std::size_t at = json.size();
  for (std::size_t i = 0; i < count; ++i) at = json.rfind(',', at - 1);
  return json.substr(at + 1);
}

}  // namespace

TEST_CASE("each second has its count, and the last is that of now") {
  Seconds seconds;
  CHECK(seconds.add(some_time, 2) == 0);
  CHECK(seconds.add(some_time + 999ms, 3) == 2);
  CHECK(seconds.add(some_time + 2s, 1) == 0);
  CHECK(tail(seconds, some_time + 3s, 5) == "0,5,0,1,0");
}

TEST_CASE("a second beyond those kept is forgotten") {
  Seconds seconds;
  seconds.add(some_time, 7);
  CHECK(tail(seconds, some_time + 400s, 3) == "0,0,0");
  seconds.add(some_time + 300s, 1);  // in the same place
  CHECK(tail(seconds, some_time + 300s, 2) == "0,1");
}

TEST_CASE("after the clock was set back seconds are counted on") {
  Seconds seconds;
  for (int i = 0; i < 600; ++i) seconds.add(some_time + i * 1s, 5);
  const TimePoint back = some_time - 1h;
  for (int i = 0; i < 3; ++i) CHECK(seconds.add(back + i * 1s, 7) == 0);
  CHECK(tail(seconds, back + 2s, 4) == "0,7,7,7");
}

}  // namespace eventcollect::test
