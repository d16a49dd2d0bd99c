// Addresses of the other end, as text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eventcollect::base {

// An address, or all addresses with the same first bits.
struct Network {
  std::array<std::uint8_t, 16> address{};  // IPv4 as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2)
  unsigned prefix_bits = 128;

  // "10.0.0.0/8", "2001:db8::/32", or an address alone.
  static std::optional<Network> parse(std::string_view text);

  bool contains(const Network& other) const;

  // The address with all but the first 24 bits of IPv4, 48 of IPv6, set to zero.
  std::string truncated() const;

 private:
  bool is_v4() const;
};

}  // namespace eventcollect::base
