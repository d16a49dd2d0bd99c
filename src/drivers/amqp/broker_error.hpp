// What can go wrong between us and a broker.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace eventcollect::amqp {

// The message names what failed and holds no secret. The connection is of no more use.
class BrokerError : public std::runtime_error {
 public:
  enum Kind : std::uint8_t {
    unavailable,    // later it may work
    misconfigured,  // it will not work before somebody mends it
  };

  BrokerError(Kind kind, const std::string& message) : std::runtime_error{message}, kind_{kind} {}

  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

inline std::string_view text_of(const amqp_bytes_t& bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.bytes == nullptr ? 0 : bytes.len};
}

// The library changes nothing that it is given to send.
inline amqp_bytes_t bytes_of(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

// The error that a status of the library (amqp_status_enum) stands for.
BrokerError error_of_status(int status);

// What the broker says when it closes a channel or a connection.
BrokerError error_of_close(const amqp_method_t& method);

// The error that a failed call is. `reply` is no success.
BrokerError error_of_reply(const amqp_rpc_reply_t& reply);

}  // namespace eventcollect::amqp
