// Connections to a server that has several hosts.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/format.hpp"
#include "eventcollect/error.hpp"

namespace eventcollect::sink {

// The connection is of no more use. `reason` holds no secret; the message is the driver's name and
// it.
class ConnectionLost : public Error {
 public:
  ConnectionLost(Kind kind, std::string_view driver, std::string reason)
      : Error{kind, std::string{driver} + ": " + reason}, reason_{std::move(reason)} {}

  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

// Calls `connect(host, deadline)` for one host after the other, beginning with number `next`, until
// one does not throw ConnectionLost: `next` is then that one. Each gets its share of the time that
// is left. Throws one ConnectionLost with the reasons of all, which has a host's name in front as
// `name_of(host)` says it.
template <typename Host, typename NameOf, typename Connect>
auto connect_in_turn(std::string_view driver, const std::vector<Host>& hosts, std::size_t& next,
                     std::chrono::steady_clock::time_point deadline, const NameOf& name_of,
                     const Connect& connect) {
  std::string failures;
  Error::Kind kind = Error::misconfigured;
  for (std::size_t tried = 0; tried < hosts.size(); ++tried) {
    const std::size_t index = (next + tried) % hosts.size();
    const auto now = std::chrono::steady_clock::now();
    const auto share = (deadline - now) / static_cast<int>(hosts.size() - tried);
    try {
      auto connection = connect(hosts[index], now + share);
      next = index;
      return connection;
    } catch (const ConnectionLost& error) {
      // One that can be mended by waiting is reason enough to wait.
      if (error.kind() == Error::unavailable) kind = error.kind();
      base::append_format(failures, "{}{}: {}", tried == 0 ? "" : "; ", name_of(hosts[index]),
                          error.reason());
    }
  }
  throw ConnectionLost{kind, driver, failures};
}

}  // namespace eventcollect::sink
