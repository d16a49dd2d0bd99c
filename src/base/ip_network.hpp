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

  // An address as proxies and frameworks write it: with or without a port, brackets or a zone, as
  // in "192.0.2.1:443", "[2001:db8::1]:443" and "fe80::1%eth0".
  static std::optional<Network> parse_peer(std::string_view text);

  bool contains(const Network& other) const;

  // Whether it is of this machine only: in 127.0.0.0/8, or ::1.
  bool is_loopback() const;

  // The address with all but the first 24 bits of IPv4, 48 of IPv6, set to zero. IPv6 that embeds
  // an IPv4 address counts as that: else the first 48 bits could hold it whole.
  std::string truncated() const;
};

}  // namespace eventcollect::base
