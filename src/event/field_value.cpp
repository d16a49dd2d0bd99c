#include "event/field_value.hpp"

namespace eventcollect::event {

std::optional<TimePoint> cut_milliseconds(const FieldValue& value) {
  const std::string_view text = value.text;
  const char* const end = text.data() + text.size();
  double number = 0;
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || !(number >= 0)) return {};
  const bool has_exponent = text.find_first_of("eE") != std::string_view::npos;
  // Without an exponent the whole part is there to be read: a double might round it up.
  if (!has_exponent) return read_milliseconds({text.substr(0, text.find('.'))});
  if (number >= static_cast<double>(to_milliseconds(latest_time) + 1)) return {};
  return from_milliseconds(static_cast<std::int64_t>(number));
}

}  // namespace eventcollect::event
