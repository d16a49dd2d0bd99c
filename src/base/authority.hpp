// USER:PASSWORD@HOST:PORT,HOST2:PORT2 in the URL of a driver.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/url.hpp"

namespace eventcollect::base {

struct Authority {
  struct Host {
    std::string name;        // or an address; may be empty
    std::uint16_t port = 0;  // 0: none is given
  };

  std::optional<std::string> user;
  std::optional<std::string> password;
  std::vector<Host> hosts;  // at least one
};

// A number from 1 to 65,535. Throws ConfigError, which begins with `what` and does not show `text`:
// that may be next to a secret.
std::uint16_t parse_uint16(std::string_view text, std::string_view what);

// The authority of `url`, decoded part by part. `driver` begins the messages. Throws ConfigError.
Authority parse_authority(const Url& url, std::string_view driver);

}  // namespace eventcollect::base
