#include "collect/sink_claim.hpp"

#include <pthread.h>

#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>

namespace eventcollect::collect {
namespace {

struct Claims {
  std::mutex mutex;
  std::set<const Sink*> sinks;
};

// Never destroyed, since static collectors may end after any other static object. The lock is held
// across a fork, so that a child can make collectors of its own.
Claims& claims() {
  static Claims* const instance = [] {
    static_cast<void>(pthread_atfork([] { claims().mutex.lock(); }, [] { claims().mutex.unlock(); },
                                     [] { claims().mutex.unlock(); }));
    return new Claims;
  }();
  return *instance;
}

}  // namespace

SinkClaim::SinkClaim(std::shared_ptr<Sink> sink) : sink_{std::move(sink)} {
  const std::lock_guard lock{claims().mutex};
  if (!claims().sinks.insert(sink_.get()).second) {
    throw std::logic_error{"the sink is in use by a collector already"};
  }
}

// Before the sink can be destroyed and another be made in its place.
SinkClaim::~SinkClaim() {
  const std::lock_guard lock{claims().mutex};
  claims().sinks.erase(sink_.get());
}

}  // namespace eventcollect::collect
