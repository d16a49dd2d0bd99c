#include "base/ip_network.hpp"

#include <doctest/doctest.h>

using namespace eventcollect;
using base::Network;

TEST_CASE("a network contains the addresses with its first bits") {
  struct Case {
    std::string_view network, address;
    bool contained;
  };
  const Case cases[] = {
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.1.2.3/8", "10.9.9.9", true},  // bits behind the prefix do not count
      {"192.0.2.0/25", "192.0.2.127", true},
      {"192.0.2.0/25", "192.0.2.128", false},
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.2", false},
      {"192.0.2.1/32", "192.0.2.1", true},
      {"0.0.0.0/0", "255.255.255.255", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"::/0", "192.0.2.1", true},
      {"::/0", "2001:db8::1", true},
      {"2001:db8::/32", "2001:db8:ffff::1", true},
      {"2001:db8::/32", "2001:db9::", false},
      {"2001:db8::/33", "2001:db8:8000::", false},
      {"2001:db8::1", "2001:DB8:0:0::1", true},
      {"2001:db8::1/128", "2001:db8::2", false},
      {"10.0.0.0/8", "::ffff:10.1.1.1", true},  // IPv4 seen through IPv6
      {"::ffff:10.0.0.0/104", "10.1.1.1", true},
      {"10.0.0.0/8", "10.1.0.0/16", true},
      {"10.1.0.0/16", "10.0.0.0/8", false},
  };
  for (const Case& each : cases) {
    CAPTURE(each.network);
    CAPTURE(each.address);
    const auto network = Network::parse(each.network);
    const auto address = Network::parse(each.address);
    REQUIRE((network && address));
    CHECK(network->contains(*address) == each.contained);
  }
}

TEST_CASE("what is no address and no network is not read") {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,
                                      "/"sv,
                                      "/8"sv,
                                      "10.0.0.0/"sv,
                                      "10.0.0.0/33"sv,
                                      "10.0.0.0/-1"sv,
                                      "10.0.0.0/8x"sv,
                                      "10.0.0.0/ 8"sv,
                                      "10.0.0.0/8/8"sv,
                                      "10.0.0"sv,
                                      "10.0.0.256"sv,
                                      "10.0.0.0:80"sv,
                                      "2001:db8::/129"sv,
                                      "2001:db8::/99999999999"sv,
                                      "[::1]"sv,
                                      "fe80::1%eth0"sv,
                                      ":::"sv,
                                      "localhost"sv,
                                      " 10.0.0.1"sv,
                                      "10.0.0.1 "sv,
                                      "10.0.0.1\0x"sv,
                                      "::1\0x/8"sv}) {
    CAPTURE(text);
    CHECK_FALSE(Network::parse(text).has_value());
  }
}

TEST_CASE("an address is read as proxies write it") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"192.0.2.123", "192.0.2.0"},
      {"192.0.2.123:443", "192.0.2.0"},
      {"192.0.2.123:", "192.0.2.0"},
      {"2001:db8:1::5", "2001:db8:1::"},
      {"[2001:db8:1::5]", "2001:db8:1::"},
      {"[2001:db8:1::5]:443", "2001:db8:1::"},
      {"fe80::1%eth0", "fe80::"},
      {"[fe80::1%25eth0]:80", "fe80::"},
      {"[::ffff:192.0.2.123]:80", "192.0.2.0"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.first);
    const auto address = Network::parse_peer(each.first);
    REQUIRE(address.has_value());
    CHECK(address->truncated() == each.second);
  }
  for (const std::string_view text :
       {"", ":", "[", "[]", "]", ":80", "192.0.2.1:x", "192.0.2.1:80:80", "192.0.2.0/24", "[::1",
        "::1]", "[::1]80", "[::1]:x", "%eth0", "unknown", "_hidden"}) {
    CAPTURE(text);
    CHECK_FALSE(Network::parse_peer(text).has_value());
  }
}

TEST_CASE("an address that embeds one of IPv4 is truncated as that") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"2002:c000:27b::1", "192.0.2.0"},                 // 6to4
      {"2001:0:53aa:64c:0:7ff:3fff:fd84", "192.0.2.0"},  // Teredo
      {"64:ff9b::192.0.2.123", "192.0.2.0"},             // NAT64
      {"64:ff9b:1:2:3:4:192.0.2.123", "192.0.2.0"},      // of one's own
      {"::ffff:0:192.0.2.123", "192.0.2.0"},             // translated
      {"::192.0.2.123", "192.0.2.0"},                    // compatible
      {"2001:db8:c000:27b::1", "2001:db8:c000::"},
      {"2003:c000:27b::1", "2003:c000:27b::"},
      {"::", "::"},
      {"::2", "::"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.first);
    const auto address = Network::parse(each.first);
    REQUIRE(address.has_value());
    CHECK(address->truncated() == each.second);
  }
}

TEST_CASE("a truncated address keeps 24 bits of IPv4 and 48 of IPv6") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"192.0.2.123", "192.0.2.0"},        {"255.255.255.255", "255.255.255.0"},
      {"::ffff:192.0.2.123", "192.0.2.0"}, {"2001:db8:1:2:3:4:5:6", "2001:db8:1::"},
      {"2001:DB8::1", "2001:db8::"},       {"::1", "::"},
  };
  for (const auto& each : cases) {
    const auto& [text, truncated] = each;
    CAPTURE(each.first);
    const auto address = Network::parse(text);
    REQUIRE(address.has_value());
    CHECK(address->truncated() == truncated);
  }
}

TEST_CASE("loopback is 127.0.0.0/8 and ::1") {
  for (const std::string_view text : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}) {
    CAPTURE(text);
    CHECK(Network::parse(text)->is_loopback());
  }
  for (const std::string_view text :
       {"126.0.0.1", "0.0.0.0", "::", "::2", "10.0.0.1", "0.0.0.0/0"}) {
    CAPTURE(text);
    CHECK_FALSE(Network::parse(text)->is_loopback());
  }
}
