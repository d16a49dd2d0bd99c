#include "drivers/postgres/row_format.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace eventcollect::postgres {

using event::column_order;
using event::Field;

namespace {

constexpr std::size_t piece_bytes = 64 << 10;

constexpr std::string_view header{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
constexpr std::string_view trailer{"\377\377", 2};

// What a row has besides its texts, at most: the count of fields, ten lengths, an id, four times
// and three versions of jsonb.
constexpr std::size_t fixed_bytes = 2 + 10 * 4 + 16 + 4 * 8 + 3;

constexpr char jsonb_version = 1;

// 2000-01-01, from where Postgres counts microseconds.
constexpr TimePoint epoch = from_milliseconds(946'684'800'000);

template <typename Integer>
char* put_integer(char* out, Integer value) {
  auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  for (std::size_t i = sizeof(bits); i-- > 0; bits = static_cast<decltype(bits)>(bits >> 8)) {
    out[i] = static_cast<char>(bits & 0xff);
  }
  return out + sizeof(bits);
}

char* put_length(char* out, std::size_t bytes) {
  return put_integer(out, static_cast<std::int32_t>(bytes));
}

char* put_null(char* out) { return put_integer(out, std::int32_t{-1}); }

char* put_text(char* out, std::string_view text) {
  out = put_length(out, text.size());
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_json(char* out, std::string_view json) {
  if (json.empty()) return put_null(out);
  out = put_length(out, json.size() + 1);
  *out = jsonb_version;
  std::memcpy(out + 1, json.data(), json.size());
  return out + 1 + json.size();
}

char* put_time(char* out, TimePoint time) {
  const std::chrono::microseconds since = time - epoch;
  return put_integer(put_length(out, sizeof(std::int64_t)), std::int64_t{since.count()});
}

char* put_time(char* out, const std::optional<TimePoint>& time) {
  return time ? put_time(out, *time) : put_null(out);
}

}  // namespace

char* RowBuffer::make_room(std::size_t bytes) {
  if (capacity_ - size_ < bytes) {
    const std::size_t larger = std::max(2 * capacity_, size_ + bytes);
    std::unique_ptr<char[]> grown{new char[larger]};  // make_unique would fill it with zeros
    if (size_ > 0) std::memcpy(grown.get(), bytes_.get(), size_);
    bytes_ = std::move(grown);
    capacity_ = larger;
  }
  return bytes_.get() + size_;
}

void RowBuffer::append_header() {
  std::memcpy(make_room(header.size()), header.data(), header.size());
  size_ += header.size();
}

void RowBuffer::append_trailer() {
  std::memcpy(make_room(trailer.size()), trailer.data(), trailer.size());
  size_ += trailer.size();
}

// The values below have this order.
static_assert(column_order == std::array{Field::event_id, Field::server_time, Field::event_time,
                                         Field::event, Field::url, Field::properties,
                                         Field::context, Field::client_time, Field::sent_time,
                                         Field::violations},
              "a row must have the order of the columns");

void RowBuffer::append(const Event& event) {
  const std::string_view url = event.url.value_or(std::string_view{});
  char* out = make_room(fixed_bytes + event.name.size() + url.size() + event.properties.size() +
                        event.context.size() + event.violations.size());
  out = put_integer(out, static_cast<std::int16_t>(columns.size()));
  out = put_length(out, event.id.bytes.size());
  std::memcpy(out, event.id.bytes.data(), event.id.bytes.size());
  out += event.id.bytes.size();
  out = put_time(out, event.server_time);
  out = put_time(out, event.event_time);
  out = put_text(out, event.name);
  out = event.url ? put_text(out, url) : put_null(out);
  out = put_json(out, event.properties);
  out = put_json(out, event.context);
  out = put_time(out, event.client_time);
  out = put_time(out, event.sent_time);
  out = put_json(out, event.violations);
  advance_to(out);
}

std::string_view RowStream::next() {
  if (has_ended_) return {};
  buffer_.clear();
  if (!has_begun_) buffer_.append_header();
  has_begun_ = true;
  for (; next_ < rows_.size() && buffer_.size() < piece_bytes; ++next_) {
    const Event& event = batch_[rows_[next_]];
    if (next_ > 0 && batch_[rows_[next_ - 1]].id == event.id) continue;
    buffer_.append(event);
  }
  if (next_ == rows_.size()) {
    buffer_.append_trailer();
    has_ended_ = true;
  }
  return buffer_.view();
}

RowValues::RowValues(std::string_view row) {
  const char* at = row.data() + sizeof(std::int16_t);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::uint32_t length = 0;
    for (int byte = 0; byte < 4; ++byte) {
      length = length << 8 | static_cast<unsigned char>(*at++);
    }
    if (length == 0xffff'ffff) continue;
    values.at(i) = at;
    lengths.at(i) = static_cast<int>(length);
    at += length;
  }
}

}  // namespace eventcollect::postgres
