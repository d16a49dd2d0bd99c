#include "json/text.hpp"

#include <array>
#include <charconv>
#include <vector>

#include "base/encoding.hpp"
#include "json/scanner.hpp"

namespace eventcollect::json {

using base::append_hex;

namespace {

constexpr std::string_view ellipsis = "\xE2\x80\xA6";

// What follows the backslash that stands before a character in a string token; 0 where none does.
constexpr std::array<char, 256> escapes = [] {
  std::array<char, 256> table{};
  for (std::size_t control = 0; control < 0x20; ++control) table[control] = 'u';
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}();

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; }

// The beginning of the inside of a string token in at most `max_bytes`, without a part of an escape
// or of a character at its end.
std::size_t clipped_token_bytes(std::string_view inside, std::size_t max_bytes) {
  std::size_t bytes = 0;
  for (std::size_t next = 0; next <= max_bytes;) {
    bytes = next;
    if (next >= inside.size()) break;
    if (inside[next] == '\\') {
      next += inside[next + 1] == 'u' ? 6U : 2U;
    } else {
      do ++next;
      while (next < inside.size() && is_continuation(inside[next]));
    }
  }
  return bytes;
}

unsigned hex4(std::string_view text, std::size_t at) {
  unsigned value = 0;
  const char* begin = text.data() + at;
  std::from_chars(begin, begin + 4, value, 16);
  return value;
}

void append_utf8(std::string& out, unsigned point) {
  const auto push = [&out](unsigned byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    push(point);
  } else if (point < 0x800) {
    push(0xC0 | (point >> 6));
    push(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    push(0xE0 | (point >> 12));
    push(0x80 | ((point >> 6) & 0x3F));
    push(0x80 | (point & 0x3F));
  } else {
    push(0xF0 | (point >> 18));
    push(0x80 | ((point >> 12) & 0x3F));
    push(0x80 | ((point >> 6) & 0x3F));
    push(0x80 | (point & 0x3F));
  }
}

constexpr unsigned replacement_point = 0xFFFD;

// What a \u escape, or a pair of them, stands for.
struct Unit {
  unsigned point;
  std::size_t length;  // of its text
  bool is_replaced;    // it stands for U+FFFD because what it says cannot be stored
};

// Reads the \u escape at raw[i]. U+0000 and half a surrogate pair stand for U+FFFD.
Unit read_unit(std::string_view raw, std::size_t i) {
  const unsigned unit = hex4(raw, i + 2);
  if (unit == 0) return {replacement_point, 6, true};
  if (unit < 0xD800 || unit >= 0xE000) return {unit, 6, false};
  const bool paired = unit < 0xDC00 && raw.size() - i >= 12 && raw[i + 6] == '\\' &&
                      raw[i + 7] == 'u' && (hex4(raw, i + 8) & 0xFC00) == 0xDC00;
  if (!paired) return {replacement_point, 6, true};
  return {0x10000 + ((unit - 0xD800) << 10) + (hex4(raw, i + 8) - 0xDC00), 12, false};
}

char simple_escape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// The index behind the string token that begins at text[i].
std::size_t skip_string(std::string_view text, std::size_t i) {
  for (++i; text[i] != '"'; ++i) {
    if (text[i] == '\\') ++i;
  }
  return i + 1;
}

// Appends a string token or a part of one, with U+FFFD for what cannot be stored.
void append_storable_string(std::string& out, std::string_view token) {
  for (std::size_t i = 0; i < token.size();) {
    const std::size_t slash = std::min(token.find('\\', i), token.size());
    out.append(token, i, slash - i);
    i = slash;
    if (i == token.size()) return;
    const Unit unit = token[i + 1] == 'u' ? read_unit(token, i) : Unit{0, 2, false};
    if (unit.is_replaced) {
      append_utf8(out, replacement_point);
    } else {
      out.append(token, i, unit.length);
    }
    i += unit.length;
  }
}

void append_pointer_token(std::string& out, std::string_view key) {
  out.push_back('/');
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out.push_back(c);
    }
  }
}

// Where a walk through a JSON text stands inside one container.
struct Step {
  bool is_object;
  std::size_t item = 0;
  std::string key;
};

std::string join(const std::vector<Step>& path) {
  std::string pointer;
  for (const Step& step : path) {
    append_pointer_token(pointer, step.is_object ? step.key : std::to_string(step.item));
  }
  return pointer;
}

}  // namespace

void append_unescaped(std::string& out, const String& token) {
  const std::string_view raw = token.raw;
  for (std::size_t i = 0; i < raw.size();) {
    const std::size_t slash = std::min(raw.find('\\', i), raw.size());
    out.append(raw, i, slash - i);
    i = slash;
    if (i == raw.size()) return;
    if (raw[i + 1] == 'u') {
      const Unit unit = read_unit(raw, i);
      append_utf8(out, unit.point);
      i += unit.length;
    } else {
      out.push_back(simple_escape(raw[i + 1]));
      i += 2;
    }
  }
}

std::string_view clip(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t bytes = max_bytes;
  const std::size_t min_bytes = bytes - std::min<std::size_t>(bytes, 3);
  while (bytes > min_bytes && is_continuation(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

std::string shorten(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string{text};
  std::string_view kept = clip(text, max_bytes - ellipsis.size());
  if (kept.ends_with('~')) kept.remove_suffix(1);  // half of an escape of a JSON Pointer
  return std::string{kept}.append(ellipsis);
}

void append_escaped(std::string& out, std::string_view text) {
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char escape = escapes[static_cast<unsigned char>(text[i])];
    if (escape == 0) continue;
    out.append(text, done, i - done);
    out.push_back('\\');
    out.push_back(escape);
    if (escape == 'u') append_hex(out.append("00"), text.substr(i, 1));
    done = i + 1;
  }
  out.append(text, done);
}

void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view replacement = "\xEF\xBF\xBD";
  const bool is_utf8 = check_utf8(text);
  out.push_back('"');
  if (is_utf8 && text.find('\0') == std::string_view::npos) {
    append_escaped(out, text);
  } else {
    for (const char& c : text) {
      const bool is_fine = c != '\0' && (is_utf8 || static_cast<unsigned char>(c) < 0x80);
      append_escaped(out, is_fine ? std::string_view{&c, 1} : replacement);
    }
  }
  out.push_back('"');
}

void append_short_string(std::string& out, std::string_view text, std::size_t max_bytes) {
  const std::size_t begin = out.size() + 1;
  append_string(out, text);
  const std::size_t bytes = out.size() - 1 - begin;
  if (bytes <= max_bytes) return;
  const std::string_view inside = std::string_view{out}.substr(begin, bytes);
  out.resize(begin + clipped_token_bytes(inside, max_bytes - ellipsis.size()));
  out.append(ellipsis).push_back('"');
}

void append_storable(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '"') {
      const std::size_t end = skip_string(text, i);
      append_storable_string(out, text.substr(i, end - i));
      i = end;
    } else {
      if (!is_space(text[i])) out.push_back(text[i]);
      ++i;
    }
  }
}

void append_normalized(std::string& out, std::string_view text) {
  std::string unescaped;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t quote = std::min(text.find('"', i), text.size());
    out.append(text, i, quote - i);
    i = quote;
    if (i == text.size()) return;
    const std::size_t end = skip_string(text, i);
    unescaped.clear();
    append_unescaped(unescaped, {text.substr(i + 1, end - i - 2), true});
    out.push_back('"');
    append_escaped(out, unescaped);
    out.push_back('"');
    i = end;
  }
}

std::string pointer_to(std::string_view text, const char* position, std::size_t max_bytes) {
  const auto target = static_cast<std::size_t>(position - text.data());
  std::vector<Step> path;
  bool at_key = false;
  for (std::size_t i = 0; i < text.size() && i <= target;) {
    const char c = text[i];
    if (c == '{' || c == '[') {
      if (i == target) break;
      path.push_back({c == '{', 0, {}});
      at_key = c == '{';
      ++i;
    } else if (c == '}' || c == ']') {
      path.pop_back();
      at_key = false;
      ++i;
    } else if (c == ',') {
      ++path.back().item;
      at_key = path.back().is_object;
      ++i;
    } else if (c == '"') {
      const std::size_t end = skip_string(text, i);
      if (at_key) {
        path.back().key.clear();
        append_unescaped(path.back().key, {text.substr(i + 1, end - i - 2), true});
        at_key = false;
      }
      if (i == target) break;
      i = end;
    } else {
      if (i == target) break;
      ++i;
    }
  }
  return shorten(join(path), max_bytes);
}

std::optional<std::size_t> element_end(std::string_view text) {
  std::string closing;  // what the open brackets wait for
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (const char c = text[i]) {
      case '"':
        for (++i; i < text.size() && text[i] != '"'; ++i) {
          if (text[i] == '\\') ++i;
        }
        if (i >= text.size()) return {};
        break;
      case '{':
      case '[':
        closing.push_back(c == '{' ? '}' : ']');
        break;
      case '}':
      case ']':
        if (closing.empty()) return i;
        if (closing.back() != c) return {};
        closing.pop_back();
        break;
      case ',':
        if (closing.empty()) return i;
        break;
      default:
        break;
    }
  }
  if (!closing.empty()) return {};
  return text.size();
}

}  // namespace eventcollect::json
