// Waiting for what another thread or another process does.
#pragma once

#include <doctest/doctest.h>

#include <chrono>

#include "eventcollect/timer.hpp"

namespace eventcollect::test {

// So long may a busy machine take for what is done in a moment.
inline constexpr std::chrono::minutes wait_limit{1};

// Looks again and again, and fails the test if the condition does not hold before the limit.
template <typename Condition>
void wait_until(Condition&& condition) {
  const auto deadline = std::chrono::steady_clock::now() + wait_limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) FAIL("waited in vain for a minute");
    steady_timer().wait(std::chrono::milliseconds{1}, {});
  }
}

}  // namespace eventcollect::test
