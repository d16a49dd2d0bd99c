#include "base/ip_network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "base/ascii.hpp"

namespace eventcollect::base {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned v4_prefix_bits = 96;

using V4 = std::array<std::uint8_t, 4>;

// Where an IPv6 address with a prefix embeds an IPv4 address.
struct Embedding {
  std::array<std::uint8_t, 12> prefix;
  std::size_t prefix_bytes;
  std::size_t at;
  std::uint8_t mask = 0;  // the bytes are stored xor this
};

constexpr Embedding embeddings[] = {
    {v4_prefix, 12, 12},                             // IPv4-mapped (RFC 4291)
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12, 12},  // IPv4-translated (RFC 2765)
    {{0, 0x64, 0xff, 0x9b}, 12, 12},                 // NAT64 (RFC 6052)
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 6, 12},            // NAT64 of one's own (RFC 8215)
    {{0x20, 0x02}, 2, 2},                            // 6to4 (RFC 3056)
    {{0x20, 0x01, 0, 0}, 4, 12, 0xff},               // Teredo (RFC 4380)
};

bool has_prefix(const std::array<std::uint8_t, 16>& address, const Embedding& embedding) {
  return std::equal(address.begin(),
                    address.begin() + static_cast<std::ptrdiff_t>(embedding.prefix_bytes),
                    embedding.prefix.begin());
}

// IPv4-compatible (RFC 4291): "::a.b.c.d", which :: and ::1 are not.
bool is_v4_compatible(const std::array<std::uint8_t, 16>& address) {
  return std::all_of(address.begin(), address.begin() + 12, [](auto byte) { return byte == 0; }) &&
         address[12] != 0;
}

// The IPv4 address that `address` is or embeds.
std::optional<V4> embedded_v4(const std::array<std::uint8_t, 16>& address) {
  const auto read = [&](std::size_t at, std::uint8_t mask) {
    V4 v4{};
    for (std::size_t i = 0; i < v4.size(); ++i) {
      v4[i] = static_cast<std::uint8_t>(address[at + i] ^ mask);
    }
    return v4;
  };
  for (const Embedding& embedding : embeddings) {
    if (has_prefix(address, embedding)) return read(embedding.at, embedding.mask);
  }
  if (is_v4_compatible(address)) return read(12, 0);
  return {};
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  Network network;
  const std::size_t slash = text.find('/');
  const std::string host{text.substr(0, slash)};
  if (host.find('\0') != std::string::npos) return {};  // it would end the text for inet_pton
  unsigned shift = 0;
  if (inet_pton(AF_INET, host.c_str(), network.address.data() + v4_prefix.size()) == 1) {
    std::copy(v4_prefix.begin(), v4_prefix.end(), network.address.begin());
    shift = v4_prefix_bits;
  } else if (inet_pton(AF_INET6, host.c_str(), network.address.data()) != 1) {
    return {};
  }
  if (slash == std::string_view::npos) return network;
  const std::string_view bits = text.substr(slash + 1);
  const auto parsed = std::from_chars(bits.data(), bits.data() + bits.size(), network.prefix_bits);
  if (parsed.ec != std::errc{} || parsed.ptr != bits.data() + bits.size()) return {};
  if (network.prefix_bits > 128 - shift) return {};
  network.prefix_bits += shift;
  return network;
}

bool Network::contains(const Network& other) const {
  if (other.prefix_bits < prefix_bits) return false;
  const std::size_t whole = prefix_bits / 8;
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole),
                  other.address.begin())) {
    return false;
  }
  const unsigned rest = prefix_bits % 8;
  return rest == 0 || (address[whole] ^ other.address[whole]) >> (8 - rest) == 0;
}

bool Network::is_loopback() const {
  return parse("127.0.0.0/8")->contains(*this) || parse("::1")->contains(*this);
}

std::optional<Network> Network::parse_peer(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const bool has_brackets = text.starts_with('[');
  // One colon alone is before a port; several are of IPv6, unless brackets keep them apart.
  const bool has_port = colon != std::string_view::npos &&
                        (has_brackets ? text[colon - 1] == ']' : text.find(':') == colon);
  if (has_port) {
    const std::string_view port = text.substr(colon + 1);
    if (!std::all_of(port.begin(), port.end(), [](char c) { return is_digit(c); })) return {};
    text = text.substr(0, colon);
  }
  if (has_brackets) {
    if (!text.ends_with(']')) return {};
    text = text.substr(1, text.size() - 2);
  }
  text = text.substr(0, text.find('%'));
  if (text.find('/') != std::string_view::npos) return {};
  return parse(text);
}

std::string Network::truncated() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (auto v4 = embedded_v4(address)) {
    v4->back() = 0;
    inet_ntop(AF_INET, v4->data(), text.data(), text.size());
    return text.data();
  }
  std::array<std::uint8_t, 16> kept = address;
  std::fill(kept.begin() + 6, kept.end(), std::uint8_t{0});
  inet_ntop(AF_INET6, kept.data(), text.data(), text.size());
  return text.data();
}

}  // namespace eventcollect::base
