#include "base/forks.hpp"

#include <pthread.h>

#include <atomic>

namespace eventcollect::base {
namespace {

std::atomic<unsigned> count{0};

}  // namespace

unsigned forks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { ++count; });
  static_cast<void>(registered);
  return count.load(std::memory_order_relaxed);
}

}  // namespace eventcollect::base
