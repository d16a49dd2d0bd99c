#include "base/authority.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "support/failure.hpp"

namespace eventcollect::test {
namespace {

base::Authority authority_of(const std::string& url) {
  return base::parse_authority(Url::parse(url), "driver");
}

std::vector<std::pair<std::string, int>> hosts_of(const std::string& url) {
  std::vector<std::pair<std::string, int>> hosts;
  for (const auto& host : authority_of(url).hosts) hosts.emplace_back(host.name, host.port);
  return hosts;
}

}  // namespace

TEST_CASE("the hosts of a URL are read with their ports") {
  using Hosts = std::vector<std::pair<std::string, int>>;
  CHECK(hosts_of("x://h") == Hosts{{"h", 0}});
  CHECK(hosts_of("x://u@a:1,b,[::1]:65535,[fe80::2]/p") ==
        Hosts{{"a", 1}, {"b", 0}, {"::1", 65'535}, {"fe80::2", 0}});
  CHECK(hosts_of("x:///p") == Hosts{{"", 0}});
  CHECK(hosts_of("x://:7") == Hosts{{"", 7}});
}

TEST_CASE("user and password of a URL are decoded, and absent where they are not given") {
  const auto both = authority_of("x://us%40er:p%3A%2F%40%2Cw@h");
  CHECK(both.user == "us@er");
  CHECK(both.password == "p:/@,w");
  const auto user = authority_of("x://user@h");
  CHECK(user.user == "user");
  CHECK_FALSE(user.password.has_value());
  CHECK(authority_of("x://user:@h").password == "");
  CHECK_FALSE(authority_of("x://h").user.has_value());
}

TEST_CASE("an authority with a fault is rejected, and no message shows what may be a password") {
  const std::pair<std::string, std::string> faults[] = {
      {"x://h:secret", "the port is a number from 1 to 65535"},
      {"x://h:0", "the port is a number"},
      {"x://h:65536", "the port is a number"},
      {"x://h:1:2", "the port is a number"},
      {"x://[::1", "an IPv6 address in a URL ends with ']'"},
      {"x://[::1]secret", "a host is followed by ':' and a port"},
  };
  for (const auto& fault : faults) {
    CAPTURE(fault.first);
    const std::string failure = failure_of([&] { authority_of(fault.first); });
    CAPTURE(failure);
    CHECK(failure.starts_with("config: "));
    CHECK(has(failure, fault.second));
    CHECK_FALSE(has(failure, "sec"));
  }
}

}  // namespace eventcollect::test
