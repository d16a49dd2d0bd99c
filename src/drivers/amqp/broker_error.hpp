// What can go wrong between us and a broker.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <string>
#include <string_view>
#include <utility>

#include "eventcollect/error.hpp"

namespace eventcollect::amqp {

// The connection is of no more use. `reason` holds no secret; the message is "amqp: " and it.
class ConnectionLost : public Error {
 public:
  ConnectionLost(Kind kind, std::string reason)
      : Error{kind, "amqp: " + reason}, reason_{std::move(reason)} {}

  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

inline std::string_view text_of(const amqp_bytes_t& bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.bytes == nullptr ? 0 : bytes.len};
}

// The library changes nothing that it is given to send.
inline amqp_bytes_t bytes_of(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

// The error that a status of the library (amqp_status_enum) stands for.
ConnectionLost error_of_status(int status);

// What the broker says when it closes a channel or a connection.
ConnectionLost error_of_close(const amqp_method_t& method);

}  // namespace eventcollect::amqp
