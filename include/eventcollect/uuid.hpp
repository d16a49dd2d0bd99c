// The identity of an event: a UUID (RFC 9562), minted by the client or by us.
//
//   eventcollect::Uuid id = eventcollect::mint_uuid(eventcollect::system_clock().now());
//   std::string text = id.to_string();               // "0193…-….", 36 characters, lower case
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/clock.hpp"

namespace eventcollect {

// Sixteen bytes in network order. A value type; the default is the nil UUID.
struct Uuid {
  static constexpr std::size_t text_bytes = 36;

  std::array<std::uint8_t, 16> bytes{};

  // Reads the form 8-4-4-4-12 of hexadecimal digits in either case. Any version and variant is
  // taken, nil and max included. Nothing if `text` has another form.
  static std::optional<Uuid> parse(std::string_view text);

  // Writes exactly text_bytes characters in lower case to `out`, without a terminating zero.
  void write(char* out) const;
  std::string to_string() const;

  bool is_nil() const;
  bool is_max() const;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// A new UUID of version 7 (RFC 9562, section 5.7): 48 bits of `now`, 12 bits of counter, 62 random
// bits from the kernel. Each one of a process is greater than the last, even if the clock steps
// back or more than 4,096 are minted in a millisecond (section 6.2: the counter then runs over into
// the time). A forked child draws new random bits. Safe from any thread.
// Throws std::system_error where the kernel gives no randomness.
Uuid mint_uuid(TimePoint now);

}  // namespace eventcollect
