// ASCII characters, classified and compared without regard to the locale.
#pragma once

#include <string>
#include <string_view>

namespace eventcollect::base {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A space or a tab.
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

// What std::isspace takes in the C locale: a blank, or what ends a line or a page.
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

constexpr bool is_hex(char c) { return hex_value(c) >= 0; }

// A character of a token of HTTP (RFC 9110, section 5.6.2).
constexpr bool is_token_character(char c) {
  return is_alpha(c) || is_digit(c) ||
         (c != '\0' && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos);
}

// Whether `text` is a token of HTTP, as the name of a header is.
bool is_token(std::string_view text);

std::string to_lower(std::string_view text);

bool equals_ignoring_case(std::string_view a, std::string_view b);

// Without the blanks at both ends. Other white space stays.
std::string_view trim_blanks(std::string_view text);

}  // namespace eventcollect::base
