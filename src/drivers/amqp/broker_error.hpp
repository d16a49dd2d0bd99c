// What can go wrong between us and a broker.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <string>
#include <string_view>
#include <utility>

#include "sink/connection_lost.hpp"

namespace eventcollect::amqp {

class ConnectionLost : public sink::ConnectionLost {
 public:
  ConnectionLost(Kind kind, std::string reason)
      : sink::ConnectionLost{kind, "amqp", std::move(reason)} {}
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
