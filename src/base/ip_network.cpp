#include "base/ip_network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace eventcollect::base {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned v4_prefix_bits = 96;

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

bool Network::is_v4() const {
  return std::equal(v4_prefix.begin(), v4_prefix.end(), address.begin());
}

std::string Network::truncated() const {
  std::array<std::uint8_t, 16> kept = address;
  std::fill(kept.begin() + (is_v4() ? 15 : 6), kept.end(), std::uint8_t{0});
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4()) {
    inet_ntop(AF_INET, kept.data() + v4_prefix.size(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, kept.data(), text.data(), text.size());
  }
  return text.data();
}

}  // namespace eventcollect::base
