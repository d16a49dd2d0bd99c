// Bytes as text: hexadecimal digits, base64 (RFC 4648), percent coding (RFC 3986), UTF-8's mark.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eventcollect::base {

// "000102…ff": the two digits of each byte, for code that must not cost anything.
inline constexpr std::array<char, 512> hex_pairs = [] {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 512> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    pairs[i] = digits[i % 2 == 0 ? i / 32 : i / 2 % 16];
  }
  return pairs;
}();

// Appends two lower-case digits for each byte.
void append_hex(std::string& out, std::string_view bytes);

// Appends base64 with padding (RFC 4648, section 4).
void append_base64(std::string& out, std::string_view bytes);

// Appends `text` with all but the unreserved characters (RFC 3986, section 2.3) and those of `kept`
// as %XX.
void append_percent_encoded(std::string& out, std::string_view text, std::string_view kept = {});

// Nothing where two hexadecimal digits do not follow a '%'.
std::optional<std::string> percent_decode(std::string_view text);

// `text` without the UTF-8 byte order mark that it may begin with.
inline std::string_view skip_byte_order_mark(std::string_view text) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  return text.starts_with(mark) ? text.substr(mark.size()) : text;
}

}  // namespace eventcollect::base
