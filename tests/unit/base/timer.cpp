#include "eventcollect/timer.hpp"

#include <doctest/doctest.h>

#include <future>
#include <thread>

#include "support/allocations.hpp"

namespace eventcollect::test {

using namespace std::chrono_literals;

TEST_CASE("a wait ends with its time, or with a stop") {
  std::stop_source source;
  CHECK(steady_timer().wait(1ms, source.get_token()));
  std::promise<bool> waited;
  const std::jthread waiting{
      [&] { waited.set_value(steady_timer().wait(1h, source.get_token())); }};
  source.request_stop();
  CHECK_FALSE(waited.get_future().get());
  CHECK_FALSE(steady_timer().wait(1h, source.get_token()));
}

TEST_CASE("a wait takes no memory") {
  const std::stop_source source;
  starve(0, SIZE_MAX);
  const bool goes_on = steady_timer().wait(1ms, source.get_token());
  starve(SIZE_MAX, SIZE_MAX);
  CHECK(goes_on);
}

}  // namespace eventcollect::test
