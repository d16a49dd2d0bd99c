// An accepted event, as sinks get it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "eventcollect/clock.hpp"
#include "eventcollect/uuid.hpp"

namespace eventcollect {

// Views into the Batch that holds the event: they live until that batch changes or is destroyed.
// All text is valid UTF-8 without U+0000. Immutable, so safe to read from any thread.
struct Event {
  std::size_t index = 0;                  // its place in the batch
  Uuid id{};                              // the client's or the server's; never nil, never max
  std::string_view name{};                // unescaped, 1 to 128 characters
  std::optional<std::string_view> url{};  // unescaped
  std::string_view properties{};  // a JSON object, as the client wrote it, white space aside
  TimePoint server_time{};        // when the server had it: the credible time
  TimePoint event_time{};         // when it happened, the client's clock corrected by ours
  std::optional<TimePoint> client_time{};  // by the client's clock
  std::optional<TimePoint> sent_time{};    // by the client's clock
  std::string_view context{};              // a JSON object, or empty
  std::string_view violations{};           // a JSON array, or empty
  std::string_view line{};                 // the whole event as one line of JSON, no line feed
};

}  // namespace eventcollect
