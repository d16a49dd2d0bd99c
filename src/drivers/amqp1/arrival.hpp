// The message that is next on a link, as its parts come in.
#pragma once

#include <proton/delivery.h>
#include <proton/link.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace eventcollect::amqp1 {

// Refers to deliveries of a link: to be cleared with it. One thread at a time.
class Arrival {
 public:
  // Takes what has come of the next message, and says whether that is all of it.
  bool is_complete(pn_link_t* link);

  // Of a complete one. What is over max_stored_bytes by more than one byte is left out.
  std::string_view body() const { return body_; }
  bool is_cut() const { return message_bytes_ > encoded_.size(); }
  std::size_t message_bytes() const { return message_bytes_; }

  // Goes on to the next message. Returns the delivery of this one, not settled.
  pn_delivery_t* take(pn_link_t* link);

  void clear();

 private:
  std::string encoded_;
  std::size_t message_bytes_ = 0;
  std::string_view body_;
  bool is_complete_ = false;
};

}  // namespace eventcollect::amqp1
