#include "eventcollect/sqlite.hpp"

#include <doctest/doctest.h>

#include "eventcollect/drivers.hpp"

namespace eventcollect::test {
namespace {

TEST_CASE("a driver is enabled as often as one likes") {
  enable_sqlite();
  enable_drivers();
}

}  // namespace
}  // namespace eventcollect::test
