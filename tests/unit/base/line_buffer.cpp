#include "base/line_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "support/seed.hpp"

namespace eventcollect::test {

using base::LineBuffer;

namespace {

// Gives the buffer as much of `text` as there is room for, at most `max_bytes`; what it took is
// taken off `text`.
void feed(LineBuffer& lines, std::string_view& text, std::size_t max_bytes) {
  const std::span<char> room = lines.room();
  const std::size_t bytes = text.copy(room.data(), std::min(room.size(), max_bytes));
  lines.add(bytes);
  text.remove_prefix(bytes);
}

}  // namespace

TEST_CASE("lines come out whole and in order, in whatever pieces they are read") {
  std::mt19937_64 random{seed()};
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> expected(random() % 20);
    std::string text;
    for (std::string& line : expected) {
      line.assign(random() % 40, static_cast<char>('a' + random() % 3));
      text += line + '\n';
    }
    const std::string rest(random() % 5, 'r');
    text += rest;
    LineBuffer lines{1 + random() % 50, 64};
    std::vector<std::string> found;
    for (std::string_view left = text; !left.empty();) {
      feed(lines, left, 1 + random() % 30);
      for (std::string_view line; lines.next(line);) found.emplace_back(line);
    }
    CHECK((found == expected));
    CHECK(lines.rest() == rest);
    CHECK(lines.take_rest() == rest);
    CHECK(lines.rest().empty());
  }
}

TEST_CASE("a buffer grows to its bound and no further, and goes on behind a rest that was taken") {
  LineBuffer lines{4, 10};
  std::string_view text = "0123456789abcdef\nx\n";
  std::string_view line;
  for (int i = 0; i < 10; ++i) {
    feed(lines, text, 100);
    CHECK_FALSE(lines.next(line));
  }
  CHECK(lines.rest() == "0123456789");
  CHECK(lines.room().empty());
  CHECK(lines.take_rest() == "0123456789");
  feed(lines, text, 100);
  REQUIRE(lines.next(line));
  CHECK(line == "abcdef");
  REQUIRE(lines.next(line));
  CHECK(line == "x");
}

}  // namespace eventcollect::test
