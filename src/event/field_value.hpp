// The values of an event's fields in JSON text, read for events that clients send and for those
// that were stored. What runs for every event has its body here: a call would cost more than the
// work.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/clock.hpp"
#include "eventcollect/uuid.hpp"
#include "json/scanner.hpp"

namespace eventcollect::event {

// A member's value as it is written.
struct FieldValue {
  std::string_view text;
  bool escaped = false;  // a string that has a backslash

  bool present() const { return !text.empty(); }
  bool is_string() const { return present() && text.front() == '"'; }
  bool is_object() const { return present() && text.front() == '{'; }
  bool is_null() const { return present() && text.front() == 'n'; }
  bool is_array() const { return present() && text.front() == '['; }

  // Only if is_string().
  json::String string() const { return {text.substr(1, text.size() - 2), escaped}; }
};

// Whole milliseconds since 1970, up to latest_time. Nothing if `value` is anything else.
inline std::optional<TimePoint> read_milliseconds(const FieldValue& value) {
  std::int64_t milliseconds = 0;
  const char* end = value.text.data() + value.text.size();
  const auto parsed = std::from_chars(value.text.data(), end, milliseconds);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return {};
  const TimePoint time = from_milliseconds(milliseconds);
  if (time < TimePoint{} || time > latest_time) return {};
  return time;
}

// As read_milliseconds(), of any number: its fraction is cut, and it may have an exponent.
std::optional<TimePoint> cut_milliseconds(const FieldValue& value);

// A UUID that is neither nil nor max. Nothing if `value` is anything else. Overwrites `scratch`.
inline std::optional<Uuid> read_event_id(const FieldValue& value, std::string& scratch) {
  if (!value.is_string()) return {};
  const auto id = Uuid::parse(json::unescape(value.string(), scratch));
  if (!id || id->is_nil() || id->is_max()) return {};
  return id;
}

// The length of UTF-8 text in characters, or nothing if it holds a control character.
inline std::optional<std::size_t> count_characters(std::string_view text) {
  // Most names are printable ASCII throughout, which a loop without branches finds out fast.
  unsigned others = 0;
  for (const char c : text)
    others |= static_cast<unsigned>(static_cast<unsigned char>(c - ' ') > '~' - ' ');
  if (others == 0) return text.size();
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_printable_ascii = byte >= 0x20 && byte < 0x7F;
    if (!is_printable_ascii) {
      const bool is_c1 = byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
      if (byte < 0x80 || is_c1) return {};
      const bool continues_character = (byte & 0xC0) == 0x80;
      if (continues_character) continue;
    }
    ++count;
  }
  return count;
}

}  // namespace eventcollect::event
