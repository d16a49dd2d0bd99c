// A scanner for JSON text (RFC 8259) that validates everything and copies nothing.
//
// Functions that run for every token have their bodies in this header: a call would cost more than
// the work.
//
// simdjson is not used for this because each event must be judged alone and stored as it was
// written. A DOM rejects a whole document for one malformed element, one lone surrogate or one long
// integer, and does not keep the spelling of numbers, so it would need a full validator of our own
// behind it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/text.hpp"

namespace eventcollect::json {

// What well-formed JSON may hold that no event may.
enum class Fault : std::uint8_t {
  none,
  too_deep,       // nested deeper than the scanner's max_depth
  duplicate_key,  // an object has the key already
  number_range,   // beyond a double, or so small that it would be zero
};

// Reads tokens from a text. Functions that return bool return false if the text is malformed; then
// error() and error_offset() say why, and nothing more can be read. The text must be valid UTF-8
// (check_utf8) to be JSON: strings are not checked for it. One thread at a time.
class Scanner {
 public:
  // Nesting deeper than `max_depth` levels is a fault.
  explicit Scanner(std::size_t max_depth) : max_depth_{max_depth} {}

  // Begins at the front of `text`, which must outlive the scan.
  void begin(std::string_view text);

  // Skips white space. Whether anything but the end follows.
  bool more() {
    cursor_ = skip(cursor_);
    return cursor_ != end_;
  }

  // The next byte, or 0 at the end.
  char peek() const { return at(cursor_); }
  const char* position() const { return cursor_; }
  const char* end() const { return end_; }
  void advance() { ++cursor_; }

  // Skips `c` and the white space around it. False, without an error, if another byte is there.
  bool take(char c) {
    cursor_ = skip(cursor_);
    if (peek() != c) return false;
    cursor_ = skip(cursor_ + 1);
    return true;
  }

  // Reads a string token; the next byte must be its opening quote.
  bool string(String& out);

  // Reads the key of a member, the colon and the white space around them.
  bool key(String& out);

  // Skips one whole value, which is at nesting level `level` if it is a container.
  bool value(std::size_t level);

  // Whether append_storable() would change what was read since the last call.
  bool needs_rewriting() { return std::exchange(needs_rewriting_, false); }

  // The first fault since clear_fault(), and the token that it is about.
  Fault fault() const { return fault_; }
  const char* fault_position() const { return fault_position_; }
  void clear_fault() { fault_ = Fault::none; }
  void note(Fault fault, const char* position);

  bool malformed(const char* why) { return fail(cursor_, why) != nullptr; }
  const char* error() const { return error_; }
  std::size_t error_offset() const { return static_cast<std::size_t>(cursor_ - begin_); }

  // Goes on at `position`, outside of any string, after malformed text.
  void resume(const char* position);

  // Returns memory that an unusually deep or wide text took.
  void trim();

 private:
  struct Key {
    std::string_view text;  // unescaped
    const char* position;
  };
  struct Frame {
    std::size_t first_key;
    bool is_object;
  };

  // The functions from here on take the place where to read and return what follows, or null where
  // the text is malformed: so that it stays in a register from token to token.
  char at(const char* p) const { return p == end_ ? '\0' : *p; }
  const char* skip(const char* p) {
    return p != end_ && static_cast<unsigned char>(*p) <= ' ' ? skip_space(p) : p;
  }
  const char* skip_space(const char* p);
  const char* fail(const char* p, const char* why);
  const char* find_special(const char* p);
  const char* read_string(const char* p, String& out);
  const char* end_of_string(const char* token, const char* special);
  const char* read_escape(const char* p);
  const char* read_key(const char* p, String& out);
  const char* read_value(const char* p, std::size_t level);

  // These are defined and used in scanner.cpp alone.
  inline const char* open(const char* p, std::size_t level);
  inline const char* close(const char* p);
  inline const char* read_member(const char* p);
  inline const char* read_plain(const char* p);
  inline const char* read_literal(const char* p, std::string_view word);
  inline const char* read_number(const char* p);

  void mark_block(const char* block);
  std::string_view keep_unescaped(String token);  // by value: so that the caller's needs no memory
  void check_duplicates(std::size_t first_key);

  static constexpr std::size_t block_bytes = 64;

  std::size_t max_depth_;
  const char* begin_ = nullptr;
  const char* cursor_ = nullptr;
  const char* end_ = nullptr;
  const char* block_ = nullptr;       // the block_bytes in which a string was last looked at
  std::uint64_t block_specials_ = 0;  // a bit for each of them that may end a run of plain text
  const char* error_ = nullptr;
  const char* fault_position_ = nullptr;
  Fault fault_ = Fault::none;
  bool needs_rewriting_ = false;
  std::vector<Frame> frames_;
  std::vector<Key> keys_;
  std::string unescaped_;  // the keys that had escapes
};

// The first byte from `p` on that does not simply belong to a string: a quote, a backslash or a
// control character; or the end. Looks at whole blocks, whose places don't depend on where strings
// begin and end: so a processor marks the next block while it is still busy with the last token.
inline const char* Scanner::find_special(const char* p) {
  for (;;) {
    const auto place = static_cast<std::size_t>(p - block_);
    if (place < block_bytes) {
      const std::uint64_t rest = block_specials_ >> place;
      if (rest != 0) return p + std::countr_zero(rest);
      p = block_ + block_bytes;
    }
    mark_block(block_ + block_bytes);
  }
}

inline const char* Scanner::read_string(const char* p, String& out) {
  const char* stop = find_special(p + 1);
  out.escaped = stop == end_ || *stop != '"';
  if (out.escaped) {
    stop = end_of_string(p, stop);
    if (stop == nullptr) return nullptr;
  }
  out.raw = {p + 1, static_cast<std::size_t>(stop - p - 1)};
  return stop + 1;
}

inline const char* Scanner::read_key(const char* p, String& out) {
  if (at(p) != '"') return fail(p, "expected a key");
  p = read_string(p, out);
  if (p == nullptr) return nullptr;
  p = skip(p);
  if (at(p) != ':') return fail(p, "expected ':' after a key");
  return skip(p + 1);
}

inline bool Scanner::string(String& out) {
  const char* const p = read_string(cursor_, out);
  if (p != nullptr) cursor_ = p;
  return p != nullptr;
}

inline bool Scanner::key(String& out) {
  const char* const p = read_key(cursor_, out);
  if (p != nullptr) cursor_ = p;
  return p != nullptr;
}

}  // namespace eventcollect::json
