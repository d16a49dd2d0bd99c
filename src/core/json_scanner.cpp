#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "core/json.hpp"
#include "eventcollect/rules.hpp"

namespace eventcollect::json {
namespace {

constexpr std::size_t kept_elements = 4096;

// The first byte that does not simply belong to a string: a quote, a backslash or a control
// character. Eight bytes at a time, by the arithmetic that finds a byte below a bound in a word.
const char* find_special(const char* p, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t highs = 0x8080808080808080;
    for (; end - p >= 8; p += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, p, sizeof(word));
      const std::uint64_t quote = word ^ (ones * '"');
      const std::uint64_t slash = word ^ (ones * '\\');
      const std::uint64_t found =
          (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) &
          highs;
      if (found != 0) return p + std::countr_zero(found) / 8;
    }
  }
  while (p != end && *p != '"' && *p != '\\' && static_cast<unsigned char>(*p) >= 0x20) ++p;
  return p;
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The four hexadecimal digits at `p`, or -1.
int hex4(const char* p, const char* end) {
  if (end - p < 4) return -1;
  unsigned value = 0;
  const auto [stop, error] = std::from_chars(p, p + 4, value, 16);
  return error == std::errc{} && stop == p + 4 ? static_cast<int>(value) : -1;
}

bool is_high_surrogate(int unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(int unit) { return unit >= 0xDC00 && unit < 0xE000; }

const char* skip_digits(const char* p, const char* end) {
  while (p != end && is_digit(*p)) ++p;
  return p;
}

// Whether a number token is too large for a double. One too small for it counts as zero.
bool overflows(const char* begin, const char* end) {
  double value = 0;
  if (std::from_chars(begin, end, value).ec != std::errc::result_out_of_range) return false;
  // The library does not tell too large from too small; the place of the first digit that counts,
  // moved by the exponent, does.
  const char* p = *begin == '-' ? begin + 1 : begin;
  const char* exponent_mark = std::find_if(p, end, [](char c) { return c == 'e' || c == 'E'; });
  const char* point = std::find(p, exponent_mark, '.');
  const char* first = std::find_if(p, exponent_mark, [](char c) { return c >= '1' && c <= '9'; });
  const std::int64_t place = first < point ? point - first : point - first + 1;
  if (exponent_mark == end) return place > 0;
  const char* digits = exponent_mark + 1;
  if (*digits == '+') ++digits;
  std::int32_t exponent = 0;
  const auto parsed = std::from_chars(digits, end, exponent);
  if (parsed.ec == std::errc::result_out_of_range) return *digits != '-';
  return place + exponent > 0;
}

}  // namespace

bool check_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

void Scanner::begin(std::string_view text) {
  begin_ = cursor_ = text.data();
  end_ = text.data() + text.size();
  error_ = nullptr;
  clear_fault();
  spaced_ = false;
  frames_.clear();
  keys_.clear();
  unescaped_.clear();
}

bool Scanner::malformed(const char* why) {
  error_ = why;
  return false;
}

void Scanner::note(Fault fault, const char* position) {
  if (fault_ != Fault::none) return;
  fault_ = fault;
  fault_position_ = position;
}

bool Scanner::more() {
  if (cursor_ != end_ && is_space(*cursor_)) {
    spaced_ = true;
    do ++cursor_;
    while (cursor_ != end_ && is_space(*cursor_));
  }
  return cursor_ != end_;
}

bool Scanner::spaced() { return std::exchange(spaced_, false); }

bool Scanner::take(char c) {
  if (!more() || *cursor_ != c) return false;
  ++cursor_;
  more();
  return true;
}

bool Scanner::string(String& out) {
  const char* const token = cursor_;
  const char* p = cursor_ + 1;
  out.escaped = false;
  for (;;) {
    p = find_special(p, end_);
    if (p == end_) {
      cursor_ = token;
      return malformed("a string does not end");
    }
    if (*p == '"') break;
    if (*p != '\\') {
      cursor_ = p;
      return malformed("a control character stands in a string");
    }
    out.escaped = true;
    if (!escape(p, token)) return false;
  }
  out.raw = {token + 1, static_cast<std::size_t>(p - token - 1)};
  cursor_ = p + 1;
  return true;
}

// Passes over the escape at `p`; `token` is the string that a fault would be about.
bool Scanner::escape(const char*& p, const char* token) {
  constexpr std::string_view simple = "\"\\/bfnrt";
  const char* const start = p;
  if (end_ - p >= 2 && simple.find(p[1]) != std::string_view::npos) {
    p += 2;
    return true;
  }
  const int unit = end_ - p >= 2 && p[1] == 'u' ? hex4(p + 2, end_) : -1;
  if (unit < 0) {
    cursor_ = start;
    return malformed("a string has an unknown escape");
  }
  p += 6;
  if (is_high_surrogate(unit)) {
    const bool paired =
        end_ - p >= 6 && p[0] == '\\' && p[1] == 'u' && is_low_surrogate(hex4(p + 2, end_));
    if (paired) {
      p += 6;
      return true;
    }
  }
  if (unit == 0 || is_high_surrogate(unit) || is_low_surrogate(unit)) {
    note(Fault::invalid_string, token);
  }
  return true;
}

bool Scanner::key(String& out) {
  if (peek() != '"') return malformed("a key was expected");
  if (!string(out)) return false;
  if (!take(':')) return malformed("':' was expected after a key");
  return true;
}

bool Scanner::value(std::size_t level) {
  const std::size_t base = frames_.size();
  for (;;) {
    const char c = peek();
    if (c == '{' || c == '[') {
      if (!open(c == '{', level + (frames_.size() - base))) return false;
      const bool is_empty = peek() == (c == '{' ? '}' : ']');
      if (!is_empty) {
        if (c == '{' && !member()) return false;
        continue;
      }
    } else if (!scalar()) {
      return false;
    }
    // A value has ended; so may have the containers that it was the last of.
    for (;;) {
      if (frames_.size() == base) return true;
      if (take(',')) {
        if (frames_.back().is_object && !member()) return false;
        break;
      }
      if (!close()) return false;
    }
  }
}

bool Scanner::open(bool is_object, std::size_t level) {
  if (level > max_depth) note(Fault::too_deep, cursor_);
  frames_.push_back({keys_.size(), is_object});
  ++cursor_;
  more();
  return true;
}

bool Scanner::close() {
  const Frame frame = frames_.back();
  if (!more() || *cursor_ != (frame.is_object ? '}' : ']')) {
    return malformed(frame.is_object ? "',' or '}' was expected" : "',' or ']' was expected");
  }
  ++cursor_;
  frames_.pop_back();
  if (frame.is_object) {
    check_duplicates(frame.first_key);
    keys_.resize(frame.first_key);
  }
  return true;
}

bool Scanner::member() {
  const char* const position = cursor_;
  String token;
  if (!key(token)) return false;
  std::string_view text = token.raw;
  if (token.escaped) {
    // Once and for all of this text, so that the views taken before stay good.
    if (unescaped_.empty()) unescaped_.reserve(static_cast<std::size_t>(end_ - begin_));
    const std::size_t before = unescaped_.size();
    append_unescaped(unescaped_, token);
    text = std::string_view{unescaped_}.substr(before);
  }
  keys_.push_back({text, position});
  return true;
}

void Scanner::check_duplicates(std::size_t first_key) {
  const std::size_t count = keys_.size() - first_key;
  const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(first_key);
  if (count <= 12) {
    for (auto one = begin; one != keys_.end(); ++one) {
      for (auto other = begin; other != one; ++other) {
        if (one->text == other->text) return note(Fault::duplicate_key, one->position);
      }
    }
    return;
  }
  std::sort(begin, keys_.end(), [](const Key& a, const Key& b) { return a.text < b.text; });
  const auto same = [](const Key& a, const Key& b) { return a.text == b.text; };
  const auto twin = std::adjacent_find(begin, keys_.end(), same);
  if (twin == keys_.end()) return;
  note(Fault::duplicate_key, std::max(twin->position, std::next(twin)->position));
}

bool Scanner::scalar() {
  String ignored;
  switch (peek()) {
    case '"':
      return string(ignored);
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return number();
  }
}

bool Scanner::literal(std::string_view word) {
  const std::string_view rest{cursor_, static_cast<std::size_t>(end_ - cursor_)};
  if (!rest.starts_with(word)) return malformed("a value was expected");
  cursor_ += word.size();
  return true;
}

bool Scanner::number() {
  const char* const token = cursor_;
  const char* p = cursor_;
  if (p != end_ && *p == '-') ++p;
  if (p == end_ || !is_digit(*p)) return malformed("a value was expected");
  p = *p == '0' ? p + 1 : skip_digits(p, end_);
  bool plain = p - token < 300;  // so many digits without an exponent always fit
  if (p != end_ && *p == '.') {
    const char* fraction = p + 1;
    p = skip_digits(fraction, end_);
    if (p == fraction) return malformed("a digit was expected after '.'");
  }
  if (p != end_ && (*p == 'e' || *p == 'E')) {
    plain = false;
    ++p;
    if (p != end_ && (*p == '+' || *p == '-')) ++p;
    const char* exponent = p;
    p = skip_digits(exponent, end_);
    if (p == exponent) return malformed("a digit was expected in an exponent");
  }
  if (!plain && overflows(token, p)) note(Fault::number_range, token);
  cursor_ = p;
  return true;
}

void Scanner::trim() {
  if (frames_.capacity() > kept_elements) std::vector<Frame>{}.swap(frames_);
  if (keys_.capacity() > kept_elements) std::vector<Key>{}.swap(keys_);
  if (unescaped_.capacity() > kept_elements) std::string{}.swap(unescaped_);
}

}  // namespace eventcollect::json
