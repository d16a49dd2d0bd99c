#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "json/scanner.hpp"
#include "json/specials.hpp"

namespace eventcollect::json {
namespace {

constexpr std::size_t kept_elements = 4096;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A number below 64 that tells most keys of an object from each other.
unsigned digest(std::string_view key) {
  if (key.empty()) return 0;
  const auto length = static_cast<unsigned>(key.size());
  const auto first = static_cast<unsigned char>(key.front());
  const auto last = static_cast<unsigned char>(key.back());
  return (length + 5U * first + 11U * last) % 64;
}

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

// Whether a number token is too large for a double, or so small that it would become zero. Rarely
// called: inlined, it would keep read_number() from being so.
[[gnu::noinline]] bool is_out_of_range(const char* begin, const char* end) {
  double value = 0;
  if (std::from_chars(begin, end, value).ec == std::errc::result_out_of_range) return true;
  if (value != 0) return false;
  const char* const exponent =
      std::find_if(begin, end, [](char c) { return c == 'e' || c == 'E'; });
  return std::any_of(begin, exponent, [](char c) { return c >= '1' && c <= '9'; });
}

}  // namespace

bool check_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

void Scanner::begin(std::string_view text) {
  begin_ = cursor_ = text.data();
  end_ = text.data() + text.size();
  mark_block(begin_);
  error_ = nullptr;
  clear_fault();
  needs_rewriting_ = false;
  frames_.clear();
  keys_.clear();
  unescaped_.clear();
}

void Scanner::resume(const char* position) {
  cursor_ = position;
  mark_block(position);
  error_ = nullptr;
  frames_.clear();
  keys_.clear();
}

void Scanner::mark_block(const char* block) {
  block_ = block;
  const auto left = static_cast<std::size_t>(end_ - block);
  if (left >= block_bytes) {
    block_specials_ = mark_specials(block);
    return;
  }
  // The zeros behind the text are special, so that every search ends.
  char padded[block_bytes] = {};
  std::copy(block, end_, padded);
  block_specials_ = mark_specials(padded);
}

void Scanner::note(Fault fault, const char* position) {
  if (fault_ != Fault::none) return;
  fault_ = fault;
  fault_position_ = position;
}

const char* Scanner::fail(const char* p, const char* why) {
  cursor_ = p;
  error_ = why;
  return nullptr;
}

const char* Scanner::skip_space(const char* p) {
  const char* const before = p;
  while (p != end_ && is_space(*p)) ++p;
  if (p != before) needs_rewriting_ = true;
  return p;
}

// The closing quote of `token`, in which `special` is the first byte that is not plain.
const char* Scanner::end_of_string(const char* token, const char* special) {
  const char* p = special;
  while (p != end_ && *p == '\\') {
    p = read_escape(p);
    if (p == nullptr) return nullptr;
    p = find_special(p);
  }
  if (p == end_) return fail(token, "unterminated string");
  if (*p != '"') return fail(p, "control character in a string");
  return p;
}

const char* Scanner::read_escape(const char* p) {
  constexpr std::string_view simple = "\"\\/bfnrt";
  if (end_ - p >= 2 && simple.find(p[1]) != std::string_view::npos) return p + 2;
  const int unit = end_ - p >= 2 && p[1] == 'u' ? hex4(p + 2, end_) : -1;
  if (unit < 0) return fail(p, "unknown escape in a string");
  p += 6;
  if (is_high_surrogate(unit)) {
    const bool paired =
        end_ - p >= 6 && p[0] == '\\' && p[1] == 'u' && is_low_surrogate(hex4(p + 2, end_));
    if (paired) return p + 6;
  }
  if (unit == 0 || is_high_surrogate(unit) || is_low_surrogate(unit)) {
    needs_rewriting_ = true;
  }
  return p;
}

bool Scanner::value(std::size_t level) {
  const char* const p = read_value(cursor_, level);
  if (p != nullptr) cursor_ = p;
  return p != nullptr;
}

const char* Scanner::read_value(const char* p, std::size_t level) {
  std::size_t depth = 0;
  for (;;) {
    const char first = at(p);
    if (first == '"') {
      String ignored;
      p = read_string(p, ignored);
    } else if (first == '{' || first == '[') {
      p = open(p, level + depth);
      ++depth;
      const bool is_empty = at(p) == (first == '{' ? '}' : ']');
      if (!is_empty) {
        if (first == '{') p = read_member(p);
        if (p == nullptr) return nullptr;
        continue;
      }
    } else {
      p = read_plain(p);
    }
    // A value has ended; so may have the containers that it was the last of.
    while (p != nullptr && depth != 0 && at(p = skip(p)) != ',') {
      p = close(p);
      --depth;
    }
    if (p == nullptr || depth == 0) return p;
    p = skip(p + 1);
    if (frames_.back().is_object) p = read_member(p);
    if (p == nullptr) return nullptr;
  }
}

const char* Scanner::open(const char* p, std::size_t level) {
  if (level > max_depth_) note(Fault::too_deep, p);
  frames_.push_back({keys_.size(), *p == '{'});
  return skip(p + 1);
}

const char* Scanner::close(const char* p) {
  const Frame frame = frames_.back();
  if (at(p) != (frame.is_object ? '}' : ']')) {
    return fail(p, frame.is_object ? "expected ',' or '}'" : "expected ',' or ']'");
  }
  frames_.pop_back();
  if (frame.is_object) {
    check_duplicates(frame.first_key);
    keys_.erase(keys_.begin() + static_cast<std::ptrdiff_t>(frame.first_key), keys_.end());
  }
  return p + 1;
}

const char* Scanner::read_member(const char* p) {
  String token;
  const char* const next = read_key(p, token);
  if (next == nullptr) return nullptr;
  keys_.push_back({token.escaped ? keep_unescaped(token) : token.raw, p});
  return next;
}

std::string_view Scanner::keep_unescaped(String token) {
  // Once and for all of this text, so that the views taken before stay good.
  if (unescaped_.empty()) unescaped_.reserve(static_cast<std::size_t>(end_ - begin_));
  const std::size_t before = unescaped_.size();
  append_unescaped(unescaped_, token);
  return std::string_view{unescaped_}.substr(before);
}

void Scanner::check_duplicates(std::size_t first_key) {
  const std::span keys{keys_.data() + first_key, keys_.size() - first_key};
  const auto same = [](const Key& a, const Key& b) { return a.text == b.text; };
  if (keys.size() <= 32) {
    // Keys are compared only where a set of 64 digests does not tell them apart.
    std::uint64_t digests = 0;
    for (Key& key : keys) {
      const std::uint64_t bit = std::uint64_t{1} << digest(key.text);
      const auto is_same = [&](const Key& other) { return same(key, other); };
      if ((digests & bit) != 0 && std::any_of(keys.data(), &key, is_same)) {
        return note(Fault::duplicate_key, key.position);
      }
      digests |= bit;
    }
    return;
  }
  std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) { return a.text < b.text; });
  const auto twin = std::adjacent_find(keys.begin(), keys.end(), same);
  if (twin == keys.end()) return;
  note(Fault::duplicate_key, std::max(twin->position, std::next(twin)->position));
}

// Reads a value that is neither a string nor a container.
const char* Scanner::read_plain(const char* p) {
  switch (at(p)) {
    case 't':
      return read_literal(p, "true");
    case 'f':
      return read_literal(p, "false");
    case 'n':
      return read_literal(p, "null");
    default:
      return read_number(p);
  }
}

const char* Scanner::read_literal(const char* p, std::string_view word) {
  const std::string_view rest{p, static_cast<std::size_t>(end_ - p)};
  return rest.starts_with(word) ? p + word.size() : fail(p, "expected a value");
}

const char* Scanner::read_number(const char* p) {
  const char* const token = p;
  if (at(p) == '-') ++p;
  if (!is_digit(at(p))) return fail(token, "expected a value");
  p = *p == '0' ? p + 1 : skip_digits(p, end_);
  bool plain = p - token < 300;  // so many digits without an exponent are always in range
  if (at(p) == '.') {
    const char* fraction = p + 1;
    p = skip_digits(fraction, end_);
    if (p == fraction) return fail(token, "expected a digit after '.'");
    plain = p - token < 300;
  }
  if (at(p) == 'e' || at(p) == 'E') {
    plain = false;
    ++p;
    if (at(p) == '+' || at(p) == '-') ++p;
    const char* exponent = p;
    p = skip_digits(exponent, end_);
    if (p == exponent) return fail(token, "expected a digit in an exponent");
  }
  if (!plain && is_out_of_range(token, p)) note(Fault::number_range, token);
  return p;
}

void Scanner::trim() {
  if (frames_.capacity() > kept_elements) std::vector<Frame>{}.swap(frames_);
  if (keys_.capacity() > kept_elements) std::vector<Key>{}.swap(keys_);
  if (unescaped_.capacity() > kept_elements) std::string{}.swap(unescaped_);
}

}  // namespace eventcollect::json
