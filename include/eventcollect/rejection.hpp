// Why an event, or a whole request, was rejected.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/codes.hpp"
#include "eventcollect/uuid.hpp"

namespace eventcollect {

// What is kept of a body that is rejected as a whole, or of an event that is too large.
inline constexpr std::size_t max_raw_bytes = 64 << 10;

inline constexpr std::size_t max_pointer_bytes = 256;
inline constexpr std::size_t max_message_bytes = 256;

// A value type. A pointer or message that was too long ends with "…".
struct Rejection {
  std::size_t index = 0;           // its place in the request or in the batch, from 0
  std::optional<Uuid> event_id{};  // if it has a valid one
  std::string_view code{};         // one of all_codes; never expires
  std::string pointer{};           // to the culprit, from the event's root (JSON Pointer, RFC 6901)
  std::string message{};           // a sentence for the sender, without secrets
  std::string raw{};               // the rejected bytes; empty if a batch has the event
  std::size_t raw_bytes = 0;       // of all of them, where `raw` is only their beginning; else 0
};

}  // namespace eventcollect
