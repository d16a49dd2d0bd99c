// Events as messages, there and back.
#pragma once

#include <proton/message.h>

#include <memory>
#include <string>
#include <string_view>

#include "eventcollect/event.hpp"

namespace eventcollect::amqp1 {

// Holds memory that is used again. One thread at a time.
class MessageWriter {
 public:
  // The message of an event, encoded. Lives until the next call.
  std::string_view write(const Event& event);

 private:
  struct Free {
    void operator()(pn_message_t* message) const { pn_message_free(message); }
  };

  std::unique_ptr<pn_message_t, Free> message_{pn_message()};
  std::string subject_;
  std::string encoded_;
};

// The body of an encoded message: of its data section, or of a value that is a string or binary. A
// view of `encoded`, which comes as it is where it has no such body or more than one. Proton's own
// decoder ends the process at an empty message.
std::string_view body_of(std::string_view encoded);

}  // namespace eventcollect::amqp1
