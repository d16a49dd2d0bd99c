#include "base/printable.hpp"

#include <doctest/doctest.h>

namespace eventcollect::base {

TEST_CASE("text is shown as it is") {
  for (const char* text : {"", "plain", "größer, 東京, 🎉", "back\\slash"}) {
    CHECK(printable(text) == text);
  }
}

TEST_CASE("a control character is shown by its bytes") {
  CHECK(printable("a\nb\r\tc") == "a\\x0ab\\x0d\\x09c");
  CHECK(printable("\x1b[2J\x7f") == "\\x1b[2J\\x7f");
  CHECK(printable(std::string_view{"\0", 1}) == "\\x00");
  CHECK(printable("\xC2\x9B"
                  "2J") == "\\xc2\\x9b2J");  // CSI in one character
}

TEST_CASE("bytes that are not UTF-8 are shown as such") {
  CHECK(printable("\x9B"
                  "2J") == "\\x9b2J");
  CHECK(printable("\xC3") == "\\xc3");
  CHECK(printable("\xE2\x82"
                  "a") == "\\xe2\\x82a");
  CHECK(printable("\xF8\x88\x80\x80\x80") == "\\xf8\\x88\\x80\\x80\\x80");
}

TEST_CASE("long text is cut off between characters") {
  CHECK(printable("abcdef", 3) == "abc…");
  CHECK(printable("aé", 2) == "a…");
  CHECK(printable("a\n", 4) == "a…");
  CHECK(printable(std::string(1 << 20, '\n')).size() <= 2'048 + 3);
}

TEST_CASE("a value is quoted unless a password may be in it") {
  CHECK(in_quotes("10 parsecs") == "'10 parsecs'");
  CHECK(in_quotes("a\n") == "'a\\x0a'");
  CHECK(in_quotes("https://user:secret@example.org") == "the value");
  CHECK(in_quotes("host=db password=secret") == "the value");
}

}  // namespace eventcollect::base
