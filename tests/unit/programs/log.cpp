// The log of a program where memory is short.
#include "programs/log.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "support/allocations.hpp"

namespace eventcollect::test {

TEST_CASE("a line of the log that there is no memory for is left out") {
  char* text = nullptr;
  std::size_t bytes = 0;
  std::FILE* const file = open_memstream(&text, &bytes);
  programs::Log log{file};
  const std::string topic(100, 't');
  const std::string what(100, 'x');
  for (std::size_t left = 0; left < 20; ++left) {
    starve(left, SIZE_MAX);
    log.say("error: {}", what);
    log.say_seldom(topic, "error: {}", what);
    starve(SIZE_MAX, SIZE_MAX);
  }
  std::fclose(file);
  CHECK(std::string_view{text, bytes}.find("error: " + what + '\n') != std::string_view::npos);
  ::free(text);
}

}  // namespace eventcollect::test
