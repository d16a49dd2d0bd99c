// What an operator is told, and what happens where there is no memory to say it.
#include "base/notice.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/allocations.hpp"
#include "support/notices.hpp"

namespace eventcollect::test {

TEST_CASE("a notice that there is no memory for is left out") {
  const Notices notices;
  const std::string name(100, 'x');
  for (std::size_t left = 0;; ++left) {
    starve(left, SIZE_MAX);
    base::notice("the file {} was damaged", name);
    const bool is_said = allocations_left != 0;
    starve(SIZE_MAX, SIZE_MAX);
    REQUIRE(left < 20);
    if (is_said) break;
  }
  CHECK(notices.all().back() == "the file " + name + " was damaged");
}

}  // namespace eventcollect::test
