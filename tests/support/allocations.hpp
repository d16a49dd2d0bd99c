// How many allocations a thread has made, and how many are left to it, in a program whose
// may_allocate() (replaced_new.hpp) asks here.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace eventcollect::test {

inline thread_local std::size_t allocations = 0;
inline thread_local std::size_t allocations_left = SIZE_MAX;
inline thread_local std::size_t failures_left = SIZE_MAX;  // then memory is back
inline std::atomic<std::size_t> failed_allocations{0};     // of all threads

// Lets the thread allocate while it lives: what a test itself does.
class Fed {
 public:
  Fed() : left_{std::exchange(allocations_left, SIZE_MAX)} {}
  Fed(const Fed&) = delete;
  Fed& operator=(const Fed&) = delete;
  ~Fed() { allocations_left = left_; }

 private:
  const std::size_t left_;
};

// Leaves the calling thread `left` allocations; of those after them `failures` fail.
inline void starve(std::size_t left, std::size_t failures) {
  allocations_left = left;
  failures_left = failures;
}

}  // namespace eventcollect::test
