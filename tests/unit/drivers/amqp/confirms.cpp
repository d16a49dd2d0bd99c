#include "drivers/amqp/confirms.hpp"

#include <doctest/doctest.h>

namespace eventcollect::amqp {
namespace {

// Confirms of `count` messages, whose delivery tags begin with 10.
Confirms of(std::size_t count) {
  Confirms confirms{10};
  for (std::size_t i = 0; i < count; ++i) confirms.sent();
  return confirms;
}

}  // namespace

TEST_CASE("confirms settle messages one by one, in any order") {
  Confirms confirms = of(3);
  CHECK(confirms.sent_count() == 3);
  confirms.accept(12, false);
  confirms.reject(10, false);
  CHECK_FALSE(confirms.is_settled());
  confirms.accept(11, false);
  CHECK(confirms.is_settled());
  CHECK(confirms.accepted() == 2);
  CHECK(confirms.rejected() == 1);
}

TEST_CASE("a confirm of many settles all up to its tag, each once") {
  Confirms confirms = of(5);
  confirms.accept(11, false);
  confirms.reject(12, true);
  CHECK(confirms.accepted() == 1);
  CHECK(confirms.rejected() == 2);
  confirms.accept(14, true);
  CHECK(confirms.accepted() == 3);
  CHECK(confirms.is_settled());
}

TEST_CASE("tag 0 with multiple is all that was sent") {
  Confirms confirms = of(4);
  confirms.accept(0, true);
  CHECK(confirms.accepted() == 4);
  CHECK(confirms.is_settled());
}

TEST_CASE("a confirm that comes twice, or is of another batch, counts nothing") {
  Confirms confirms = of(2);
  confirms.accept(10, false);
  confirms.accept(10, false);
  confirms.accept(10, true);
  confirms.reject(9, false);
  confirms.reject(9, true);
  CHECK(confirms.accepted() == 1);
  CHECK(confirms.rejected() == 0);
  CHECK_FALSE(confirms.is_settled());
}

TEST_CASE("a confirm of one message that was never sent counts nothing") {
  Confirms confirms = of(2);
  for (const std::uint64_t tag : {std::uint64_t{0}, std::uint64_t{12}, ~std::uint64_t{0}}) {
    confirms.accept(tag, false);
    confirms.reject(tag, false);
  }
  CHECK(confirms.accepted() == 0);
  CHECK(confirms.rejected() == 0);
}

TEST_CASE("what was not sent yet is not settled by a later tag") {
  Confirms confirms = of(1);
  confirms.accept(15, true);
  CHECK(confirms.accepted() == 1);
  confirms.sent();
  CHECK_FALSE(confirms.is_settled());
}

TEST_CASE("a batch without messages is settled") { CHECK(of(0).is_settled()); }

}  // namespace eventcollect::amqp
