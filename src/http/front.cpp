#include "http/front.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "http/loop.hpp"

namespace eventcollect::http {

Front::Front(Handler& handler, std::size_t threads, const Limits& limits)
    : shared_{std::make_unique<Shared>(handler, threads, limits)} {}

Front::~Front() { stop(std::chrono::milliseconds{0}); }

HostPort Front::start(const HostPort& at) {
  // What the sinks and the loops open must not depend on how many clients there are.
  constexpr std::size_t for_others = 64 + max_connections_over_bound;
  const std::size_t descriptors = raise_descriptor_limit();
  shared_->limits.max_connections =
      std::min(shared_->limits.max_connections,
               std::max(descriptors / 2, descriptors - std::min(descriptors, for_others)));
  shared_->listener.reset(listen_at(at));
  for (LoopState& state : shared_->loops) {
    loops_.push_back(std::make_unique<Loop>(*shared_, state));
  }
  HostPort bound = at;
  bound.port = port_of(shared_->listener.get());
  return bound;
}

void Front::close_after_answers() { shared_->last_answers = true; }

bool Front::stop(std::chrono::milliseconds timeout) {
  if (shared_->listener.get() < 0) return true;
  shared_->last_answers = true;
  shared_->stopping = true;
  ::shutdown(shared_->listener.get(), SHUT_RD);  // the system rejects new connections from here on
  for (auto& loop : loops_) loop->wake();
  bool all_answered = false;
  {
    std::unique_lock lock{shared_->mutex};
    const auto have_ended = [&] { return shared_->loops_running == 0; };
    all_answered = shared_->loop_ended.wait_for(lock, timeout, have_ended);
  }
  shared_->abandoning = true;
  for (auto& loop : loops_) loop->wake();
  loops_.clear();
  shared_->listener.reset();
  return all_answered;
}

Statistics Front::statistics() const {
  const Counters& counters = shared_->counters;
  return {counters.open,      counters.accepted,        counters.evicted,      counters.timed_out,
          counters.malformed, shared_->buffered.used(), shared_->unsent.used()};
}

}  // namespace eventcollect::http
