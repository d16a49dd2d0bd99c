// Any text as a URL, a size, a time span, a time, a UUID or a network: accepted or rejected with
// the error that is documented, and what is accepted reads back the same.
#include "base/ip_network.hpp"
#include "eventcollect/clock.hpp"
#include "eventcollect/url.hpp"
#include "eventcollect/uuid.hpp"
#include "fuzz/require.hpp"
#include "fuzz/work.hpp"
#include "http/host_port.hpp"

namespace {

using namespace eventcollect;
using base::Network;

template <typename Call>
void allow_config_error(Call&& call) {
  try {
    call();
  } catch (const ConfigError&) {
  }
}

void check_input(std::string_view text) {
  allow_config_error([&] {
    const Url url = Url::parse(text);
    fuzz::require(!url.scheme.empty(), "a URL has a scheme");
    const std::string shown = url.redacted();
    const std::size_t at = url.authority.rfind('@');
    const std::string secret = at == std::string::npos ? "" : url.authority.substr(0, at + 1);
    const bool is_shown = !secret.empty() && shown.starts_with(url.scheme + "://" + secret);
    fuzz::require(!is_shown, "a password is not shown");
  });
  allow_config_error([&] { parse_bytes(text); });
  allow_config_error(
      [&] { fuzz::require(parse_duration(text).count() >= 0, "no time is negative"); });
  allow_config_error([&] {
    const http::HostPort parsed = http::HostPort::parse(std::string{text});
    const http::HostPort again = http::HostPort::parse(parsed.text());
    fuzz::require(again.host == parsed.host && again.port == parsed.port, "a place reads back");
  });
  if (const auto time = parse_rfc3339(text)) {
    fuzz::require(parse_rfc3339(format_rfc3339(*time)) == time, "a time reads back");
  }
  if (const auto id = Uuid::parse(text)) {
    fuzz::require(Uuid::parse(id->to_string()) == id, "a UUID reads back");
  }
  if (const auto network = Network::parse(text)) network->truncated();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 64 << 10, .bytes_per_byte = 40, .copies_per_byte = 100};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
