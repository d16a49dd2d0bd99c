// Why an event, or a whole request, was rejected.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/codes.hpp"
#include "eventcollect/uuid.hpp"

namespace eventcollect {

// A value type.
struct Rejection {
  std::size_t index = 0;           // its place in the request or in the batch, from 0
  std::optional<Uuid> event_id{};  // if it has a valid one
  std::string_view code{};         // one of all_codes; never expires
  std::string pointer{};           // to the culprit, from the event's root (JSON Pointer, RFC 6901)
  std::string message{};           // a sentence for the sender, without secrets
  std::string raw{};               // the rejected bytes; empty if a batch has the event
};

}  // namespace eventcollect
