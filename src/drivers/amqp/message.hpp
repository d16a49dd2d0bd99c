// Events as messages, there and back.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/event.hpp"

namespace eventcollect::amqp {

// As much of `text` (UTF-8) as fits into AMQP's shortstr of 255 bytes, in whole characters.
std::string_view cut_to_short(std::string_view text);

// The properties of an event's message. They live as long as this and the event.
class MessageProperties {
 public:
  explicit MessageProperties(const Event& event);
  MessageProperties(const MessageProperties&) = delete;
  MessageProperties& operator=(const MessageProperties&) = delete;

  const amqp_basic_properties_t* get() const { return &properties_; }

 private:
  char id_[Uuid::text_bytes];
  amqp_basic_properties_t properties_{};
};

// A message as it came to a consumer.
struct Message {
  std::uint64_t delivery_tag = 0;
  std::string body;
  std::uint64_t body_bytes = 0;  // as they were sent; `body` may hold the first of them only
};

// Puts messages together from frames of one channel.
class MessageAssembler {
 public:
  // Returns the message that `frame` completes. Frames that belong to none are ignored. What is
  // over max_stored_bytes by more than one byte is left out.
  std::optional<Message> take(const amqp_frame_t& frame);

 private:
  std::optional<Message> complete();

  enum class Stage : std::uint8_t { none, wants_header, wants_body };
  Stage stage_ = Stage::none;
  std::uint64_t bytes_left_ = 0;
  Message message_;
};

}  // namespace eventcollect::amqp
