#include "http/byte_budget.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <optional>
#include <utility>

namespace eventcollect::http {
namespace {

TEST_CASE("shares of a budget never pass its bound together") {
  ByteBudget budget{100};
  ByteShare first{budget};
  std::optional<ByteShare> second{std::in_place, budget};
  CHECK(first.grow(60));
  CHECK(second->grow(40));
  CHECK_FALSE(first.grow(1));
  CHECK(first.bytes() == 60);
  CHECK(budget.used() == 100);
  CHECK(second->resize(10));
  CHECK(first.resize(90));
  CHECK(budget.used() == 100);
  second.reset();
  CHECK(budget.used() == 90);
  CHECK(first.resize(0));
  CHECK(budget.used() == 0);
}

TEST_CASE("beyond the bound of a budget its slack can be taken, and it says that it is over") {
  ByteBudget budget{100, 50};
  CHECK(budget.take(100));
  CHECK_FALSE(budget.is_over());
  CHECK(budget.take(50));
  CHECK(budget.is_over());
  CHECK_FALSE(budget.take(1));
  budget.give_back(50);
  CHECK_FALSE(budget.is_over());
}

TEST_CASE("a share that could never fit is rejected") {
  ByteBudget budget{100};
  CHECK(budget.take(1));
  CHECK_FALSE(budget.take(std::numeric_limits<std::size_t>::max()));
  CHECK(budget.used() == 1);
}

}  // namespace
}  // namespace eventcollect::http
