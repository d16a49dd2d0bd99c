// The fields of an event as they stand in JSON text, and what each has to be: for events that come
// in and for those that are read back.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/json.hpp"
#include "eventcollect/clock.hpp"
#include "eventcollect/uuid.hpp"

namespace eventcollect {

// A member's value as it stands in the text.
struct FieldValue {
  std::string_view text;
  bool escaped = false;  // it is a string with a backslash

  bool present() const { return !text.empty(); }
  bool is_string() const { return present() && text.front() == '"'; }
  bool is_object() const { return present() && text.front() == '{'; }
  bool is_array() const { return present() && text.front() == '['; }

  // Where is_string().
  json::String string() const { return {text.substr(1, text.size() - 2), escaped}; }
};

// Whole milliseconds since 1970, up to latest_time. Nothing if `value` is something else.
std::optional<TimePoint> read_milliseconds(const FieldValue& value);

// A UUID that is neither nil nor max. Nothing if `value` is something else. Overwrites `scratch`.
std::optional<Uuid> read_event_id(const FieldValue& value, std::string& scratch);

// The length of UTF-8 text in characters, or nothing if a control character is among them.
std::optional<std::size_t> count_characters(std::string_view text);

// What is said of a fault: one of refusal_codes and a sentence. Of Fault::none nothing.
struct FaultReason {
  std::string_view code;
  std::string message;
};
FaultReason reason_of(json::Fault fault);

}  // namespace eventcollect
