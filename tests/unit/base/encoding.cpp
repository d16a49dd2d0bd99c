#include "base/encoding.hpp"

#include <doctest/doctest.h>

#include <random>

#include "support/seed.hpp"

namespace eventcollect::test {

using base::append_base64;
using base::append_hex;
using base::append_percent_encoded;
using base::hex_pairs;
using base::percent_decode;

namespace {

std::string all_bytes() {
  std::string bytes;
  for (int value = 0; value < 256; ++value) bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::string base64(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

std::string percent_encoded(std::string_view text, std::string_view kept = {}) {
  std::string encoded;
  append_percent_encoded(encoded, text, kept);
  return encoded;
}

}  // namespace

TEST_CASE("each byte has two hexadecimal digits") {
  std::string text = "x";
  append_hex(text, std::string_view{"\x00\x7f\xff", 3});
  CHECK(text == "x007fff");
  text.clear();
  append_hex(text, all_bytes());
  CHECK(text == std::string_view{hex_pairs.data(), hex_pairs.size()});
}

TEST_CASE("base64 is that of RFC 4648, section 10") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xfb\xff\xfe") == "+//+");
}

TEST_CASE("all but unreserved characters, and what is to be kept, is percent-encoded") {
  CHECK(percent_encoded("AZaz09-._~") == "AZaz09-._~");
  CHECK(percent_encoded("a b/c%+\xc3\xa9") == "a%20b%2Fc%25%2B%C3%A9");
  CHECK(percent_encoded("a b/c", "/") == "a%20b/c");
  CHECK(percent_encoded(std::string_view{"\0", 1}) == "%00");
}

TEST_CASE("what is percent-encoded is decoded the same, in either case") {
  CHECK(percent_decode(percent_encoded(all_bytes())) == all_bytes());
  CHECK(percent_decode("%c3%A9+") == "\xc3\xa9+");
  std::mt19937_64 random{seed()};
  for (int round = 0; round < 200; ++round) {
    std::string bytes(random() % 20, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    CHECK(percent_decode(percent_encoded(bytes)) == bytes);
  }
}

TEST_CASE("a percent sign without two digits cannot be decoded") {
  for (const char* text : {"%", "%4", "a%", "%4g", "%g4", "%-1", "%+1", "% 1", "%%41"}) {
    CAPTURE(text);
    CHECK_FALSE(percent_decode(text));
  }
}

}  // namespace eventcollect::test
