#include "eventcollect/codes.hpp"

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>
#include <string_view>

using namespace eventcollect;

TEST_CASE("each code has a place of its own in the table") {
  std::set<std::size_t> places;
  for (const std::string_view code : all_codes) {
    CAPTURE(code);
    const std::size_t place = code_index(code);
    REQUIRE(place < all_codes.size());
    CHECK(all_codes.at(place) == code);
    CHECK(places.insert(place).second);
  }
  CHECK(places.size() == all_codes.size());
}

TEST_CASE("a code is a subject and a fault, in lower case") {
  for (const std::string_view code : all_codes) {
    CAPTURE(code);
    CHECK(code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_.") == std::string_view::npos);
    const std::size_t dot = code.find('.');
    CHECK(dot != 0);
    CHECK(dot < code.size() - 1);
    CHECK(code.rfind('.') == dot);
  }
}

TEST_CASE("a text that is no code has no place") {
  for (const std::string_view text :
       {"", "event", "event.", "event.typ", "event.types", "Event.type", "sink.rejected "}) {
    CAPTURE(text);
    CHECK_THROWS_AS(code_index(text), std::logic_error);
  }
}
