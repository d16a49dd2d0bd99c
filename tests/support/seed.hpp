// Where randomness in tests comes from.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <random>

namespace eventcollect::test {

// EVENTCOLLECT_TEST_SEED, or one of this run's own. Prints it, so that a failure can be had again.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("EVENTCOLLECT_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  }();
  MESSAGE("EVENTCOLLECT_TEST_SEED=" << value);
  return value;
}

}  // namespace eventcollect::test
