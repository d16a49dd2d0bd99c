#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "support/services.hpp"

// 0: passed, 77: nothing failed but something was skipped, else failed.
int main(int argc, char** argv) {
  doctest::Context context{argc, argv};
  const int result = context.run();
  return result == 0 && eventcollect::test::skipped_tests() > 0 ? 77 : result;
}
