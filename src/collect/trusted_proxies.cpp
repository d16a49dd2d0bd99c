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
  const auto parsed = Network::parse(address);
  return parsed && std::any_of(networks_.begin(), networks_.end(),
                               [&](const Network& network) { return network.contains(*parsed); });
}

std::string_view TrustedProxies::client_address(const Request& request) const {
  std::string_view address = request.peer;
  std::string_view chain = request.forwarded_for;
  while (contains(address) && !chain.empty()) {
    const std::size_t comma = chain.rfind(',');
    address = trim_blanks(comma == std::string_view::npos ? chain : chain.substr(comma + 1));
    chain = chain.substr(0, comma == std::string_view::npos ? 0 : comma);
  }
  return address;
}

}  // namespace eventcollect::collect
