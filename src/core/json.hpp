// A scanner for JSON text (RFC 8259) that validates everything and copies nothing.
//
// It exists beside simdjson because an event has to be judged alone and kept as it was written. A
// DOM gives up a whole document for one lone surrogate or one long integer, and forgets how a
// number was spelt; so a full validator of our own would be needed behind it anyway, and then it is
// the only one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace eventcollect::json {

// A string token. `raw` is what stands between the quotes.
struct String {
  std::string_view raw;
  bool escaped = false;  // raw has at least one backslash
};

// What well-formed JSON may hold that no event may.
enum class Fault : std::uint8_t {
  none,
  too_deep,        // nested deeper than the scanner's limit
  duplicate_key,   // an object has the key already
  invalid_string,  // U+0000 or half a surrogate pair
  number_range,    // beyond a double
};

// Reads tokens off a text. Functions that return bool return false where the text is no JSON; then
// error() and error_offset() say why, and the scanner is done. The text has to be valid UTF-8
// (check_utf8), or a string token may hold what is not. One thread at a time.
class Scanner {
 public:
  // Begins at the front of `text`, which has to outlive the scan.
  void begin(std::string_view text);

  // Passes over white space. Whether something else than the end follows.
  bool more();

  // The next byte, or 0 at the end.
  char peek() const { return cursor_ == end_ ? '\0' : *cursor_; }
  const char* position() const { return cursor_; }
  const char* end() const { return end_; }
  void advance() { ++cursor_; }

  // Passes over `c`, with white space around it. False without an error if something else is there.
  bool take(char c);

  // Reads a string token; the next byte must be its opening quote.
  bool string(String& out);

  // Reads the key of a member, the colon and the white space around them.
  bool key(String& out);

  // Passes over one whole value, which stands at nesting level `level` if it is a container.
  bool value(std::size_t level);

  // Whether white space has been passed over since the last call.
  bool spaced();

  // The first fault since clear_fault(), and the token that it is about.
  Fault fault() const { return fault_; }
  const char* fault_position() const { return fault_position_; }
  void clear_fault() { fault_ = Fault::none; }
  void note(Fault fault, const char* position);

  bool malformed(const char* why);
  const char* error() const { return error_; }
  std::size_t error_offset() const { return static_cast<std::size_t>(cursor_ - begin_); }

  // Gives memory back that an unusually deep or wide text made it take.
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

  bool open(bool is_object, std::size_t level);
  bool close();
  bool member();
  bool scalar();
  bool escape(const char*& p, const char* token);
  bool number();
  bool literal(std::string_view word);
  void check_duplicates(std::size_t first_key);

  const char* begin_ = nullptr;
  const char* cursor_ = nullptr;
  const char* end_ = nullptr;
  const char* error_ = nullptr;
  const char* fault_position_ = nullptr;
  Fault fault_ = Fault::none;
  bool spaced_ = false;
  std::vector<Frame> frames_;
  std::vector<Key> keys_;
  std::string unescaped_;  // the keys that had escapes
};

bool check_utf8(std::string_view text);

// Appends what the token means. Halves of surrogate pairs are left out.
void append_unescaped(std::string& out, const String& token);

// What the token means: `raw` itself, or a view into `scratch`, which is overwritten.
std::string_view unescape(const String& token, std::string& scratch);

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
