#include "drivers/amqp/broker_error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace eventcollect::amqp {
namespace {

// Some of what a person would have to mend mends itself: a node or virtual host that is starting,
// or a limit that others have used up.
bool is_passing(std::string_view said) {
  std::string text;  // without the names that it quotes
  for (std::size_t begin = 0; begin < said.size();) {
    const std::size_t quote = std::min(said.find('\'', begin), said.size());
    text += said.substr(begin, quote - begin);
    const std::size_t end = said.find('\'', quote + 1);
    begin = end == std::string_view::npos ? said.size() : end + 1;
  }
  for (const std::string_view sign : {" down", " stopped", "limit", "timeout", "timed out"}) {
    if (text.find(sign) != std::string_view::npos) return true;
  }
  return false;
}

ConnectionLost error_of_reason(int code, std::string_view text) {
  const bool for_a_person = code == AMQP_ACCESS_REFUSED || code == AMQP_NOT_FOUND ||
                            code == AMQP_PRECONDITION_FAILED || code == AMQP_NOT_ALLOWED ||
                            code == AMQP_NOT_IMPLEMENTED || code == AMQP_INVALID_PATH;
  const bool is_misconfigured = for_a_person && !is_passing(text);
  return {is_misconfigured ? Error::misconfigured : Error::unavailable,
          fmt::format("the broker says {} {}", code, text)};
}

}  // namespace

ConnectionLost error_of_status(int status) {
  switch (status) {
    case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
      return {Error::misconfigured,
              "the broker's certificate is not signed by an authority in ca_file"};
    case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
      return {Error::misconfigured,
              "the broker's certificate is not for this host (a DNS name of it has to be)"};
    case AMQP_STATUS_BROKER_UNSUPPORTED_SASL_METHOD:
    case AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION:
      return {Error::misconfigured, amqp_error_string2(status)};
    case AMQP_STATUS_SSL_CONNECTION_FAILED:
      return {Error::unavailable, "no TLS connection could be made: does the port speak TLS?"};
    default:
      return {Error::unavailable, amqp_error_string2(status)};
  }
}

ConnectionLost error_of_close(const amqp_method_t& method) {
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto& close = *static_cast<const amqp_channel_close_t*>(method.decoded);
    return error_of_reason(close.reply_code, text_of(close.reply_text));
  }
  const auto& close = *static_cast<const amqp_connection_close_t*>(method.decoded);
  return error_of_reason(close.reply_code, text_of(close.reply_text));
}

}  // namespace eventcollect::amqp
