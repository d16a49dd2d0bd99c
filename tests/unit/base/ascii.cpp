#include "base/ascii.hpp"

#include <doctest/doctest.h>

#include <cctype>

namespace eventcollect {

using base::equals_ignoring_case;
using base::hex_value;
using base::is_alpha;
using base::is_blank;
using base::is_digit;
using base::is_hex;
using base::is_space;
using base::to_lower;
using base::trim_blanks;

namespace {

TEST_CASE("characters are classified as the C locale does, and bytes over 127 belong to no class") {
  for (int i = 0; i < 256; ++i) {
    CAPTURE(i);
    const char c = static_cast<char>(i);
    CHECK(is_digit(c) == (std::isdigit(i) != 0));
    CHECK(is_alpha(c) == (std::isalpha(i) != 0));
    CHECK(is_blank(c) == (std::isblank(i) != 0));
    CHECK(is_space(c) == (std::isspace(i) != 0));
    CHECK(is_hex(c) == (std::isxdigit(i) != 0));
    CHECK(to_lower(c) == static_cast<char>(std::tolower(i)));
  }
}

TEST_CASE("a hexadecimal digit has its value in both cases") {
  CHECK(hex_value('0') == 0);
  CHECK(hex_value('9') == 9);
  CHECK(hex_value('a') == 10);
  CHECK(hex_value('F') == 15);
  CHECK(hex_value('g') == -1);
}

TEST_CASE("a text is put into lower case, and other bytes stay") {
  CHECK(to_lower(std::string_view{"Content-TYPE \xC3\x84"}) == "content-type \xC3\x84");
  CHECK(to_lower(std::string_view{}).empty());
}

TEST_CASE("texts are compared without regard to case") {
  CHECK(equals_ignoring_case("", ""));
  CHECK(equals_ignoring_case("Host", "hOST"));
  CHECK_FALSE(equals_ignoring_case("Host", "Hosts"));
  CHECK_FALSE(equals_ignoring_case("Hosts", "Host"));
  CHECK_FALSE(equals_ignoring_case("a[", "a{"));  // the same bits but for the one of the case
  CHECK_FALSE(equals_ignoring_case("\xC3\x84", "\xC3\xA4"));
}

TEST_CASE("blanks are trimmed at both ends, and nothing else is") {
  CHECK(trim_blanks(" \t a b\t ") == "a b");
  CHECK(trim_blanks("a") == "a");
  CHECK(trim_blanks(" \t").empty());
  CHECK(trim_blanks("").empty());
  CHECK(trim_blanks(" \r\na\v ") == "\r\na\v");
}

}  // namespace
}  // namespace eventcollect
