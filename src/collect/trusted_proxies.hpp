// The proxies whose X-Forwarded-* headers count.
#pragma once

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

  // The last address in the forwarding chain that is not a trusted proxy. A view into the request.
  std::string_view client_address(const Request& request) const;

 private:
  std::vector<base::Network> networks_;
};

}  // namespace eventcollect::collect
