// The code of each reason for which an event or a request is rejected. Codes are stable: a client
// may compare them.
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace eventcollect {

// First the codes of events and of bodies that hold them, then those of whole requests, then those
// of the pipeline's dead letters. A new code needs a line of its own here, with nothing else
// between the two numbers, and a line in all_codes: without either this header does not compile.
namespace code {
inline constexpr int first_line = __LINE__ + 1;
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
inline constexpr std::string_view path_not_found = "path.not_found";
inline constexpr std::string_view method_not_allowed = "method.not_allowed";
inline constexpr std::string_view origin_rejected = "origin.rejected";
inline constexpr std::string_view content_type_unsupported = "content_type.unsupported";
inline constexpr std::string_view content_encoding_unsupported = "content_encoding.unsupported";
inline constexpr std::string_view body_too_large = "body.too_large";
inline constexpr std::string_view body_not_gzip = "body.not_gzip";
inline constexpr std::string_view sink_unavailable = "sink.unavailable";
inline constexpr std::string_view sink_in_doubt = "sink.in_doubt";
inline constexpr std::string_view clock_wrong = "clock.wrong";
inline constexpr std::string_view server_time_invalid = "server_time.invalid";
inline constexpr std::string_view event_time_invalid = "event_time.invalid";
inline constexpr std::string_view context_type = "context.type";
inline constexpr std::string_view violations_type = "violations.type";
inline constexpr std::string_view event_id_conflict = "event_id.conflict";
inline constexpr std::string_view object_damaged = "object.damaged";
inline constexpr std::string_view object_missing = "object.missing";
inline constexpr int end_line = __LINE__;
}  // namespace code

// All of them, in the order in which rejections are counted.
inline constexpr std::array all_codes{
    code::body_empty,
    code::body_too_many_events,
    code::json_malformed,
    code::json_too_deep,
    code::event_not_object,
    code::event_missing,
    code::event_type,
    code::event_length,
    code::event_too_large,
    code::url_type,
    code::url_length,
    code::properties_type,
    code::event_id_invalid,
    code::client_time_invalid,
    code::sent_time_invalid,
    code::field_unknown,
    code::field_duplicate,
    code::string_invalid,
    code::number_range,
    code::sink_rejected,
    code::path_not_found,
    code::method_not_allowed,
    code::origin_rejected,
    code::content_type_unsupported,
    code::content_encoding_unsupported,
    code::body_too_large,
    code::body_not_gzip,
    code::sink_unavailable,
    code::sink_in_doubt,
    code::clock_wrong,
    code::server_time_invalid,
    code::event_time_invalid,
    code::context_type,
    code::violations_type,
    code::event_id_conflict,
    code::object_damaged,
    code::object_missing,
};

static_assert(all_codes.size() == code::end_line - code::first_line,
              "each constant of namespace code must stand in all_codes");
static_assert(
    [] {
      for (std::size_t i = 0; i < all_codes.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          if (all_codes[i] == all_codes[j]) return false;
        }
      }
      return true;
    }(),
    "each code must stand in all_codes once");

// The place of `code` in all_codes, less than all_codes.size(). Throws std::logic_error for any
// other text, which would be a code that is not listed.
constexpr std::size_t code_index(std::string_view code) {
  for (std::size_t i = 0; i < all_codes.size(); ++i) {
    if (all_codes[i] == code) return i;
  }
  throw std::logic_error{"'" + std::string{code} + "' is not one of all_codes"};
}

}  // namespace eventcollect
