// JSON strings and texts, read and written.
#pragma once

#include <string>
#include <string_view>

namespace eventcollect::json {

// A string token. `raw` is what stands between the quotes.
struct String {
  std::string_view raw;
  bool escaped = false;  // raw has at least one backslash
};

bool check_utf8(std::string_view text);

// Appends what the token means. Halves of surrogate pairs are left out.
void append_unescaped(std::string& out, const String& token);

// What the token means: `raw` itself, or a view into `scratch`, which is overwritten.
inline std::string_view unescape(const String& token, std::string& scratch) {
  if (!token.escaped) return token.raw;
  scratch.clear();
  append_unescaped(scratch, token);
  return scratch;
}

// Appends `text` (UTF-8) as the inside of a string token.
void append_escaped(std::string& out, std::string_view text);

// Appends `"text"`, whatever bytes it has, so that it can be stored: U+FFFD stands for each U+0000,
// and where it is no UTF-8 for each byte that is not ASCII.
void append_string(std::string& out, std::string_view text);

// Appends a valid JSON text without the white space between its tokens.
void append_compact(std::string& out, std::string_view text);

// The JSON Pointer (RFC 6901) to the token at `position` inside `text`, which is valid JSON: to the
// value that it is or is the key of.
std::string pointer_to(std::string_view text, const char* position);

}  // namespace eventcollect::json
