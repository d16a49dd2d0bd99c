#include "drivers/amqp/message.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "drivers/amqp/broker_error.hpp"
#include "eventcollect/stored_event.hpp"

namespace eventcollect::amqp {
namespace {

constexpr std::size_t max_short_bytes = 255;
constexpr std::uint8_t persistent = 2;

}  // namespace

std::string_view cut_to_short(std::string_view text) {
  if (text.size() <= max_short_bytes) return text;
  std::size_t end = max_short_bytes;
  const auto is_continuation = [&](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
  };
  while (end > 0 && is_continuation(text[end])) --end;
  return text.substr(0, end);
}

MessageProperties::MessageProperties(const Event& event) {
  event.id.write(id_);
  properties_._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                       AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG |
                       AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG;
  properties_.content_type = bytes_of("application/json");
  properties_.delivery_mode = persistent;
  properties_.message_id = bytes_of({id_, sizeof(id_)});
  const auto seconds = std::chrono::floor<std::chrono::seconds>(event.server_time);
  properties_.timestamp = static_cast<std::uint64_t>(seconds.time_since_epoch().count());
  properties_.type = bytes_of(cut_to_short(event.name));
  properties_.app_id = bytes_of("eventcollect");
}

std::optional<Message> MessageAssembler::take(const amqp_frame_t& frame) {
  // What is foretold of a body's size is not believed before it has come.
  constexpr std::uint64_t max_reserved_bytes = 1 << 20;
  if (frame.frame_type == AMQP_FRAME_METHOD) {
    if (frame.payload.method.id != AMQP_BASIC_DELIVER_METHOD) return {};
    const auto& deliver = *static_cast<const amqp_basic_deliver_t*>(frame.payload.method.decoded);
    message_ = {.delivery_tag = deliver.delivery_tag, .body = {}, .body_bytes = 0};
    stage_ = Stage::wants_header;
  } else if (frame.frame_type == AMQP_FRAME_HEADER && stage_ == Stage::wants_header) {
    message_.body_bytes = bytes_left_ = frame.payload.properties.body_size;
    message_.body.reserve(static_cast<std::size_t>(std::min(bytes_left_, max_reserved_bytes)));
    stage_ = Stage::wants_body;
    if (bytes_left_ == 0) return complete();
  } else if (frame.frame_type == AMQP_FRAME_BODY && stage_ == Stage::wants_body) {
    const std::string_view part = text_of(frame.payload.body_fragment);
    // Of one that is too large as much is kept as makes the reader reject it.
    message_.body += part.substr(0, max_stored_bytes + 1 - message_.body.size());
    bytes_left_ -= std::min<std::uint64_t>(bytes_left_, part.size());
    if (bytes_left_ == 0) return complete();
  }
  return {};
}

std::optional<Message> MessageAssembler::complete() {
  stage_ = Stage::none;
  return std::exchange(message_, {});
}

}  // namespace eventcollect::amqp
