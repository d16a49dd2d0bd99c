#include "http/loop_states.hpp"

#include <doctest/doctest.h>
#include <poll.h>

namespace eventcollect::http {
namespace {

using namespace std::chrono_literals;

bool is_woken(const LoopState& state) {
  pollfd descriptor{state.responses->descriptor(), POLLIN, 0};
  return ::poll(&descriptor, 1, 0) == 1;
}

TEST_CASE("of the clients of all loops the longest is found, and the loop that has it is woken") {
  const Limits limits;
  ByteBudget budget{100};
  Counters counters;
  const Date date{{}};
  const ConnectionContext context{limits, budget, budget, counters, date};
  Socket none;
  Client client{none, 2, "192.0.2.1", context};
  Deadlines deadlines{limits};
  const LoopState::Time begin{1h};
  deadlines.add(client, begin);

  LoopStates loops{2};
  LoopState& own = *loops.begin();
  LoopState& other = *std::next(loops.begin());
  constexpr auto any = &LoopState::any;
  show(own, deadlines, 0);
  CHECK(own.any.load() == begin);
  CHECK(own.request.load() == LoopState::Time::max());
  CHECK(loops.has_longest(own, any, client));
  CHECK(loops.is_alone(own, any));
  CHECK_FALSE(is_woken(other));

  other.any = begin + 1ms;
  CHECK(loops.has_longest(own, any, client));
  CHECK_FALSE(loops.is_alone(own, any));
  CHECK_FALSE(is_woken(other));
  other.any = begin - 1ms;
  CHECK_FALSE(loops.has_longest(own, any, client));
  CHECK(is_woken(other));
  CHECK_FALSE(is_woken(own));

  client.connection.begin_turn("G", {});
  client.connection.end_turn();
  deadlines.update(client, begin + 1s);
  show(own, deadlines, 0);
  CHECK(own.request.load() == begin + 1s);
  show(own, deadlines, client.id);
  CHECK(own.any.load() == LoopState::Time::max());
}

}  // namespace
}  // namespace eventcollect::http
