// What the loops of a front show each other, so that of the clients of all loops the one that has
// waited longest makes room for others.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "http/deadlines.hpp"
#include "http/response_queue.hpp"

namespace eventcollect::http {

struct LoopState {
  using Time = Deadlines::Time;
  // Since when the client has waited that has waited longest; Time::max() for none.
  using Longest = std::atomic<Time>;

  // Safe from any thread, as of the loop's last round.
  Longest any{Time::max()};
  Longest request{Time::max()};  // of those in the middle of a request
  Longest answer{Time::max()};   // of those that do not take their answer

  const std::shared_ptr<ResponseQueue> responses = std::make_shared<ResponseQueue>();
};

// Each loop has a state of its own, which it alone changes. Safe from any thread.
class LoopStates {
 public:
  explicit LoopStates(std::size_t loops) : states_(loops) {}

  auto begin() { return states_.begin(); }
  auto end() { return states_.end(); }

  // Whether no other loop than `own` has a client that has waited longer than `client`. A loop that
  // has one is woken, so that it looks after it.
  bool has_longest(const LoopState& own, LoopState::Longest LoopState::*kind, const Client& client);

  // Whether no other loop than `own` has a client that waits.
  bool is_alone(const LoopState& own, LoopState::Longest LoopState::*kind) const;

 private:
  std::vector<LoopState> states_;
};

// Shows the others those of `deadlines`, without the client `newest`.
void show(LoopState& state, Deadlines& deadlines, std::uint64_t newest);

}  // namespace eventcollect::http
