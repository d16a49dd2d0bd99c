// What an event has to be to get in, and what is said of one that is not.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/uuid.hpp"

namespace eventcollect {

// Why an event, or a whole request, was rejected. A value type.
struct Rejection {
  std::size_t index = 0;           // its place in the request or in the batch, from 0
  std::optional<Uuid> event_id{};  // where it has a valid one
  std::string_view code{};         // one of rejection_codes; lives for ever
  std::string pointer{};           // to the culprit, from the event's root (JSON Pointer, RFC 6901)
  std::string message{};           // a sentence for the sender, without secrets
  std::string raw{};  // the bytes that were rejected; empty where a batch has the event
};

// The codes of rejections. They are stable: a client may compare them.
namespace code {
inline constexpr std::string_view body_empty = "body.empty";
inline constexpr std::string_view body_too_many_events = "body.too_many_events";
inline constexpr std::string_view json_malformed = "json.malformed";
inline constexpr std::string_view json_too_deep = "json.too_deep";
inline constexpr std::string_view event_not_object = "event.not_object";
inline constexpr std::string_view event_missing = "event.missing";
inline constexpr std::string_view event_type = "event.type";
inline constexpr std::string_view event_length = "event.length";
inline constexpr std::string_view event_too_large = "event.too_large";
inline constexpr std::string_view url_type = "url.type";
inline constexpr std::string_view url_length = "url.length";
inline constexpr std::string_view properties_type = "properties.type";
inline constexpr std::string_view event_id_invalid = "event_id.invalid";
inline constexpr std::string_view client_time_invalid = "client_time.invalid";
inline constexpr std::string_view sent_time_invalid = "sent_time.invalid";
inline constexpr std::string_view field_unknown = "field.unknown";
inline constexpr std::string_view field_duplicate = "field.duplicate";
inline constexpr std::string_view string_invalid = "string.invalid";
inline constexpr std::string_view number_range = "number.range";
inline constexpr std::string_view sink_rejected = "sink.rejected";
// Of events that were stored before, where the server's own fields are read too.
inline constexpr std::string_view server_time_invalid = "server_time.invalid";
inline constexpr std::string_view event_time_invalid = "event_time.invalid";
inline constexpr std::string_view context_type = "context.type";
inline constexpr std::string_view violations_type = "violations.type";
inline constexpr std::string_view object_damaged = "object.damaged";  // not of one event
}  // namespace code

// All of them, for whoever counts rejections by their code.
inline constexpr std::string_view rejection_codes[] = {
    code::body_empty,         code::body_too_many_events, code::json_malformed,
    code::json_too_deep,      code::event_not_object,     code::event_missing,
    code::event_type,         code::event_length,         code::event_too_large,
    code::url_type,           code::url_length,           code::properties_type,
    code::event_id_invalid,   code::client_time_invalid,  code::sent_time_invalid,
    code::field_unknown,      code::field_duplicate,      code::string_invalid,
    code::number_range,       code::sink_rejected,        code::server_time_invalid,
    code::event_time_invalid, code::context_type,         code::violations_type,
    code::object_damaged,
};

// The bounds of what is taken.
struct Rules {
  std::size_t max_event_bytes = 64 << 10;  // of an event as it was sent
  std::size_t max_events = 1'000;          // in a request
  bool strip_query = false;     // drop "?…" from url and referrer before they are stored
  bool strip_fragment = false;  // drop "#…" likewise
};

inline constexpr std::size_t max_name_characters = 128;
inline constexpr std::size_t max_url_bytes = 8 << 10;
inline constexpr std::size_t max_depth = 32;  // of nesting, the event itself being the first level
inline constexpr std::chrono::days max_client_delay{30};  // between client_time and sent_time

}  // namespace eventcollect
