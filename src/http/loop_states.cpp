#include "http/loop_states.hpp"

#include <algorithm>

namespace eventcollect::http {

bool LoopStates::has_longest(const LoopState& own, LoopState::Longest LoopState::*kind,
                             const Client& client) {
  for (LoopState& other : states_) {
    if (&other == &own || (other.*kind).load() >= client.waits_since) continue;
    other.responses->wake();
    return false;
  }
  return true;
}

bool LoopStates::is_alone(const LoopState& own, LoopState::Longest LoopState::*kind) const {
  return std::all_of(states_.begin(), states_.end(), [&](const LoopState& state) {
    return &state == &own || (state.*kind).load() == LoopState::Time::max();
  });
}

void show(LoopState& state, Deadlines& deadlines, std::uint64_t newest) {
  const auto since = [](const Client* client) {
    return client == nullptr ? LoopState::Time::max() : client->waits_since;
  };
  constexpr auto order = std::memory_order_relaxed;
  state.any.store(since(deadlines.longest_but(newest)), order);
  state.request.store(since(deadlines.longest(Wait::request)), order);
  state.answer.store(since(deadlines.longest(Wait::client)), order);
}

}  // namespace eventcollect::http
