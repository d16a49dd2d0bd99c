// What the tests on a failing disk have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include "support/power_cut_file_system.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {

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
