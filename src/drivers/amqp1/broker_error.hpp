// What can go wrong between us and a broker.
#pragma once

#include <proton/condition.h>

#include <string>
#include <string_view>
#include <utility>

#include "sink/connection_lost.hpp"

namespace eventcollect::amqp1 {

class ConnectionLost : public sink::ConnectionLost {
 public:
  ConnectionLost(Kind kind, std::string reason)
      : sink::ConnectionLost{kind, "amqp1", std::move(reason)} {}
};

inline std::string_view text_of(const char* text) { return text == nullptr ? "" : text; }

// The condition (AMQP 1.0, section 2.8.14 and what brokers add) as "NAME: DESCRIPTION".
std::string text_of(pn_condition_t* condition);

// The error that a condition of a connection, a session or a link stands for. `otherwise` is said
// where the broker gives none.
ConnectionLost error_of(pn_condition_t* condition, std::string_view otherwise);

// Whether a message with this condition was rejected for what it is, and would be again.
bool blames_the_message(pn_condition_t* condition);

}  // namespace eventcollect::amqp1
