// The limits that an event must keep to be accepted.
#pragma once

#include <chrono>
#include <cstddef>

namespace eventcollect {

// What an operator can set.
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
