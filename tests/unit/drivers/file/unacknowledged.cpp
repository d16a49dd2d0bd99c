#include "drivers/file/unacknowledged.hpp"

#include <doctest/doctest.h>

#include "support/events.hpp"

namespace eventcollect::file {
namespace {

constexpr Place begin{3, 10};

TimePoint at(int seconds) { return test::some_time + std::chrono::seconds{seconds}; }

}  // namespace

TEST_CASE("what was read counts as acknowledged in order, up to the number") {
  Unacknowledged reads{begin};
  const std::uint64_t first = reads.add({3, 20}, at(1));
  const std::uint64_t second = reads.add({3, 30}, at(2));
  const std::uint64_t third = reads.add({3, 40}, at(3));
  CHECK(reads.state().acknowledged == begin);
  CHECK(reads.state().oldest == at(1));

  CHECK(reads.acknowledge(second) == Place{3, 30});
  CHECK(reads.state().acknowledged == Place{3, 30});
  CHECK(reads.state().oldest == at(3));

  CHECK_FALSE(reads.acknowledge(first));
  CHECK(reads.state().acknowledged == Place{3, 30});

  CHECK(reads.acknowledge(third) == Place{3, 40});
  CHECK_FALSE(reads.state().oldest);
}

TEST_CASE("the end of a file is passed when its last lines are acknowledged") {
  Unacknowledged reads{begin};
  const std::uint64_t last = reads.add({3, 20}, {});
  CHECK_FALSE(reads.skip_to({4, 0}));
  CHECK(reads.state().acknowledged == begin);
  CHECK(reads.acknowledge(last) == Place{4, 0});
}

TEST_CASE("the end of a file of which nothing is in flight is passed at once") {
  Unacknowledged reads{begin};
  CHECK(reads.skip_to({4, 0}) == Place{4, 0});
  CHECK(reads.state().acknowledged == Place{4, 0});
}

TEST_CASE("a rewind forgets what was read, but not how old the oldest event is") {
  Unacknowledged reads{begin};
  const std::uint64_t first = reads.add({3, 20}, at(1));
  reads.rewind();
  CHECK(reads.state().acknowledged == begin);
  CHECK(reads.state().oldest == at(1));
  CHECK_FALSE(reads.acknowledge(first));

  const std::uint64_t again = reads.add({3, 20}, at(1));
  CHECK(again > first);
  reads.rewind();
  CHECK(reads.state().oldest == at(1));

  CHECK(reads.acknowledge(reads.add({3, 20}, at(1))) == Place{3, 20});
  CHECK_FALSE(reads.state().oldest);
}

}  // namespace eventcollect::file
