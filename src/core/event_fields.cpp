#include "core/event_fields.hpp"

#include <fmt/format.h>

#include <charconv>

#include "eventcollect/rules.hpp"

namespace eventcollect {

std::optional<TimePoint> read_milliseconds(const FieldValue& value) {
  std::int64_t milliseconds = 0;
  const char* end = value.text.data() + value.text.size();
  const auto parsed = std::from_chars(value.text.data(), end, milliseconds);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return {};
  const TimePoint time = from_milliseconds(milliseconds);
  if (time < TimePoint{} || time > latest_time) return {};
  return time;
}

std::optional<Uuid> read_event_id(const FieldValue& value, std::string& scratch) {
  if (!value.is_string()) return {};
  const auto id = Uuid::parse(json::unescape(value.string(), scratch));
  if (!id || id->is_nil() || id->is_max()) return {};
  return id;
}

std::optional<std::size_t> count_characters(std::string_view text) {
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

FaultReason reason_of(json::Fault fault) {
  switch (fault) {
    case json::Fault::too_deep:
      return {code::json_too_deep,
              fmt::format("An event may be nested {} levels deep, itself included.", max_depth)};
    case json::Fault::duplicate_key:
      return {code::field_duplicate, "An object has this key twice."};
    case json::Fault::invalid_string:
      return {code::string_invalid, "A string holds U+0000 or half of a surrogate pair."};
    case json::Fault::number_range:
      return {code::number_range, "A number is beyond the range of a double."};
    case json::Fault::none:
      break;
  }
  return {};
}

}  // namespace eventcollect
