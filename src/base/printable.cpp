#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.hpp"

namespace eventcollect::base {
namespace {

constexpr bool is_continuation(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

// How many bytes the character has that `text` begins with; 0 where it is not to be shown.
std::size_t shown_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80U) return first >= 0x20U && first != 0x7FU ? 1 : 0;
  const std::size_t length = first < 0xC2U ? 0 : first < 0xE0U ? 2 : first < 0xF0U ? 3 : 4;
  if (length == 0 || first > 0xF4U || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(byte(i))) return 0;
  }
  // U+0080 to U+009F are control characters.
  return first == 0xC2U && byte(1) < 0xA0U ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  out.reserve(std::min(text.size(), max_bytes));
  while (!text.empty()) {
    const std::size_t shown = shown_bytes(text);
    const std::size_t escaped = 4;
    if (out.size() + (shown != 0 ? shown : escaped) > max_bytes) return out + "…";
    if (shown != 0) {
      out += text.substr(0, shown);
    } else {
      out += "\\x";
      append_hex(out, text.substr(0, 1));
    }
    text.remove_prefix(std::max<std::size_t>(shown, 1));
  }
  return out;
}

std::string in_quotes(std::string_view value) {
  constexpr std::size_t max_bytes = 256;
  if (value.find_first_of("@=") != std::string_view::npos) return "the value";
  return fmt::format("'{}'", printable(value, max_bytes));
}

}  // namespace eventcollect::base
