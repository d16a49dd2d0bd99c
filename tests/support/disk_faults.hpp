// What the tests on a failing disk have in common.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include "support/power_cut_file_system.hpp"

namespace eventcollect::test {

// EVENTCOLLECT_TEST_SEED, or one of this run's own; to be printed.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("EVENTCOLLECT_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  }();
  return value;
}

// Makes one in `often` calls of these kinds fail.
inline std::function<int(Call)> failing(std::vector<Call> calls, int error, std::size_t often,
                                        std::mt19937_64& random) {
  return [calls = std::move(calls), error, often, &random](Call call) {
    const bool is_target = std::find(calls.begin(), calls.end(), call) != calls.end();
    return is_target && random() % often == 0 ? error : 0;
  };
}

// A sanitizer makes each run some fifty times slower; it looks for other faults than these tests.
constexpr std::size_t under_sanitizer([[maybe_unused]] std::size_t runs,
                                      [[maybe_unused]] std::size_t sanitized_runs) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  return sanitized_runs;
#else
  return runs;
#endif
}

}  // namespace eventcollect::test
