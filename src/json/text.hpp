// JSON strings and texts, read and written.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace eventcollect::json {

// A string token. `raw` is the text between the quotes.
struct String {
  std::string_view raw;
  bool escaped = false;  // raw has at least one backslash
};

bool check_utf8(std::string_view text);

// Appends the unescaped text of the token, with U+FFFD for U+0000 and for half a surrogate pair,
// which no database holds.
void append_unescaped(std::string& out, const String& token);

// The unescaped text of the token: `raw` itself, or a view into `scratch`, which is overwritten.
inline std::string_view unescape(const String& token, std::string& scratch) {
  if (!token.escaped) return token.raw;
  scratch.clear();
  append_unescaped(scratch, token);
  return scratch;
}

// The beginning of `text` in at most `max_bytes`, without a part of a UTF-8 character at its end.
std::string_view clip(std::string_view text, std::size_t max_bytes);

// `text`, or its beginning and "…" where it has more than `max_bytes`.
std::string shorten(std::string_view text, std::size_t max_bytes);

// Appends `text` (UTF-8) as the inside of a string token.
void append_escaped(std::string& out, std::string_view text);

// Appends `"text"`, which may be any bytes, in a form that can be stored: U+FFFD replaces each
// U+0000 and, if the text is not UTF-8, each byte that is not ASCII.
void append_string(std::string& out, std::string_view text);

// The same, with at most `max_bytes` between the quotes: what is left out is shown by "…".
void append_short_string(std::string& out, std::string_view text, std::size_t max_bytes);

// Appends a valid JSON text as it is stored: without the white space between its tokens, and with
// U+FFFD for each escape that is U+0000 or half a surrogate pair.
void append_storable(std::string& out, std::string_view text);

// Appends a valid JSON text with each string escaped in one way: two texts that differ only in
// their escapes become the same.
void append_normalized(std::string& out, std::string_view text);

// The JSON Pointer (RFC 6901) to the value at `position` inside `text`, which is valid JSON, or to
// the value whose key is there. It is shortened to `max_bytes`.
std::string pointer_to(std::string_view text, const char* position, std::size_t max_bytes);

// Where the array element that begins `text` ends, malformed or not: at the next ',' or closing
// bracket outside of strings and of the element's own brackets, or at the end of the text. Nothing
// if its quotes or brackets do not close.
std::optional<std::size_t> element_end(std::string_view text);

}  // namespace eventcollect::json
