// The hosts of a connection string.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace eventcollect::postgres {

using ConnectionOptions = std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)>;

// Empty where the option has no value.
std::string value_of(const ConnectionOptions& all, std::string_view keyword);

// In libpq's order. One thread at a time.
class HostList {
 public:
  // Those that `connection` tries, wherever libpq found them.
  static HostList of(PGconn* connection);

  std::size_t size() const { return hosts_.size(); }

  // Without the host that `connection` is trying.
  void remove_current(PGconn* connection);

  // As the options of these names have it.
  std::string host() const { return joined(&Host::name); }
  std::string hostaddr() const { return joined(&Host::address); }
  std::string port() const { return joined(&Host::port); }

 private:
  struct Host {
    std::string name;
    std::string address;
    std::string port;
  };

  std::string joined(std::string Host::*part) const;

  std::vector<Host> hosts_;
};

}  // namespace eventcollect::postgres
