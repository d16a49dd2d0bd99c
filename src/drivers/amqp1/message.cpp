#include "drivers/amqp1/message.hpp"

#include <proton/codec.h>
#include <proton/error.h>

#include <cstdint>
#include <iterator>
#include <new>
#include <optional>

#include "eventcollect/clock.hpp"

namespace eventcollect::amqp1 {
namespace {

// AMQP 1.0, section 3.2: the sections of a message.
constexpr std::uint64_t data_code = 0x75;
constexpr std::uint64_t value_code = 0x77;

// Section 1.6: the types that matter here.
constexpr unsigned described = 0x00;
constexpr unsigned small_ulong = 0x53;
constexpr unsigned full_ulong = 0x80;
constexpr unsigned small_binary = 0xa0;
constexpr unsigned small_string = 0xa1;
constexpr unsigned full_binary = 0xb0;
constexpr unsigned full_string = 0xb1;

unsigned byte_at(std::string_view text, std::size_t index) {
  return static_cast<unsigned char>(text[index]);
}

std::uint64_t number_of(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) number = number << 8 | byte_at(bytes, i);
  return number;
}

// An encoded value, with its constructor: which has the width of the value in its upper half, or
// that of the size which comes first. Nothing where it is not all there.
std::optional<std::string_view> take_value(std::string_view& text) {
  if (text.empty()) return {};
  constexpr std::size_t unknown = std::size_t{1} << 40;
  constexpr std::size_t widths[] = {unknown, unknown, unknown, unknown, 0, 1, 2, 4, 8, 16};
  const unsigned upper = byte_at(text, 0) >> 4;
  std::uint64_t bytes = 1;
  if (upper < std::size(widths)) {
    bytes += widths[upper];
  } else {
    const std::size_t size_bytes = upper % 2 == 0 ? 1 : 4;
    if (text.size() < 1 + size_bytes) return {};
    bytes += size_bytes + number_of(text.substr(1, size_bytes));
  }
  if (bytes > text.size()) return {};
  const std::string_view value = text.substr(0, bytes);
  text.remove_prefix(bytes);
  return value;
}

struct Section {
  std::uint64_t code;
  std::string_view value;
};

// A section is a value that a number describes.
std::optional<Section> take_section(std::string_view& text) {
  if (byte_at(text, 0) != described) return {};
  text.remove_prefix(1);
  const auto descriptor = take_value(text);
  const auto value = take_value(text);
  if (!descriptor || !value) return {};
  const unsigned type = byte_at(*descriptor, 0);
  if (type != small_ulong && type != full_ulong) return {};
  return Section{number_of(descriptor->substr(1)), *value};
}

std::optional<std::string_view> text_in(std::string_view value, bool is_data) {
  const unsigned type = byte_at(value, 0);
  const bool is_small = type == small_binary || (!is_data && type == small_string);
  const bool is_full = type == full_binary || (!is_data && type == full_string);
  if (!is_small && !is_full) return {};
  return value.substr(is_small ? 2 : 5);
}

}  // namespace

std::string_view MessageWriter::write(const Event& event) {
  pn_message_t* message = message_.get();
  if (message == nullptr) throw std::bad_alloc{};
  char id[Uuid::text_bytes];
  event.id.write(id);
  subject_ = event.name;
  pn_message_clear(message);
  pn_message_set_durable(message, true);
  pn_message_set_inferred(message, true);
  pn_data_put_string(pn_message_id(message), pn_bytes(sizeof(id), id));
  pn_message_set_subject(message, subject_.c_str());
  pn_message_set_content_type(message, "application/json");
  pn_message_set_creation_time(message, to_milliseconds(event.server_time));
  pn_data_put_binary(pn_message_body(message), pn_bytes(event.line.size(), event.line.data()));
  // Ample for the sections before the body; else it grows below.
  constexpr std::size_t head_bytes = 256;
  encoded_.resize(event.line.size() + subject_.size() + head_bytes);
  for (;;) {
    std::size_t size = encoded_.size();
    const int status = pn_message_encode(message, encoded_.data(), &size);
    if (status == 0) return {encoded_.data(), size};
    if (status != PN_OVERFLOW) throw std::bad_alloc{};
    encoded_.resize(2 * encoded_.size());
  }
}

std::string_view body_of(std::string_view encoded) {
  std::optional<std::string_view> body;
  std::string_view rest = encoded;
  while (!rest.empty()) {
    const auto section = take_section(rest);
    if (!section) return encoded;
    const bool is_data = section->code == data_code;
    if (!is_data && section->code != value_code) continue;
    if (body) return encoded;
    body = text_in(section->value, is_data);
    if (!body) return encoded;
  }
  return body.value_or(encoded);
}

}  // namespace eventcollect::amqp1
