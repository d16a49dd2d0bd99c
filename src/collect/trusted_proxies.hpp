// The proxies whose X-Forwarded-* headers count.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_network.hpp"
#include "eventcollect/http.hpp"

namespace eventcollect::collect {

// Immutable.
class TrustedProxies {
 public:
  // Each is an address or a network. Throws ConfigError where one is malformed.
  explicit TrustedProxies(const std::vector<std::string>& networks);

  bool contains(std::string_view address) const;

  // The last address in the forwarding chain that is not a trusted proxy. Nothing where that is not
  // an address.
  std::optional<base::Network> client_address(const Request& request) const;

 private:
  bool contains(const base::Network& address) const;

  std::vector<base::Network> networks_;
};

}  // namespace eventcollect::collect
