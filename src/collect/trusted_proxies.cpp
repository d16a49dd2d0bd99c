#include "collect/trusted_proxies.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::collect {

using base::Network;
using base::trim_blanks;

TrustedProxies::TrustedProxies(const std::vector<std::string>& networks) {
  for (const std::string& text : networks) {
    const auto network = Network::parse(text);
    if (!network) {
      throw ConfigError{
          fmt::format("trusted-proxy: {} is not an address or a network such as 10.0.0.0/8",
                      base::in_quotes(text))};
    }
    networks_.push_back(*network);
  }
}

bool TrustedProxies::contains(std::string_view address) const {
  if (networks_.empty()) return false;
  const auto parsed = Network::parse_peer(address);
  return parsed && contains(*parsed);
}

bool TrustedProxies::contains(const Network& address) const {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Network& network) { return network.contains(address); });
}

std::optional<Network> TrustedProxies::client_address(const Request& request) const {
  auto address = Network::parse_peer(request.peer);
  std::string_view chain = request.forwarded_for;
  while (!chain.empty() && address && contains(*address)) {
    const std::size_t comma = chain.rfind(',');
    const bool is_first = comma == std::string_view::npos;
    const std::string_view element = trim_blanks(is_first ? chain : chain.substr(comma + 1));
    chain = chain.substr(0, is_first ? 0 : comma);
    if (!element.empty()) address = Network::parse_peer(element);
  }
  return address;
}

}  // namespace eventcollect::collect
