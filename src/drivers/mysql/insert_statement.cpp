#include "drivers/mysql/insert_statement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <optional>

#include "event/column_list.hpp"
#include "event/fields.hpp"

namespace eventcollect::mysql {

using event::column_order;
using event::Field;

namespace {

constexpr std::string_view row_of_parameters = "(?,?,?,?,?,?,?,?,?,?)";
static_assert(std::count(row_of_parameters.begin(), row_of_parameters.end(), '?') ==
                  event::field_count,
              "each column must have a parameter");

// This is about any unique index. Where it is another than that of event_id, the row that is there
// is another event, and NULL makes the statement fail: to pass over it would lose the new one.
constexpr std::string_view tail =
    " ON DUPLICATE KEY UPDATE event_id = IF(event_id = VALUES(event_id), event_id, NULL)";

// Of a packet: the header, and for each row its types, lengths, bits for NULL, key and four times.
constexpr std::size_t packet_bytes = 64;
constexpr std::size_t fixed_row_bytes = 128;

std::size_t row_bytes(const Event& event) {
  return fixed_row_bytes + event.name.size() + event.url.value_or(std::string_view{}).size() +
         event.properties.size() + event.context.size() + event.violations.size();
}

void bind_null(MYSQL_BIND& value) {
  value.is_null_value = 1;
  value.is_null = &value.is_null_value;
}

void bind_bytes(MYSQL_BIND& value, enum_field_types type, const void* bytes, std::size_t count) {
  value.buffer_type = type;
  value.buffer = const_cast<void*>(bytes);
  value.buffer_length = static_cast<unsigned long>(count);
  value.length = &value.buffer_length;
}

// What is NULL has its type, too, so that the server need not prepare the statement again.
void bind_text(MYSQL_BIND& value, const std::optional<std::string_view>& text) {
  const std::string_view bytes = text.value_or(std::string_view{});
  bind_bytes(value, MYSQL_TYPE_STRING, bytes.data(), bytes.size());
  if (!text) bind_null(value);
}

void bind_json(MYSQL_BIND& value, std::string_view json) {
  bind_text(value, json.empty() ? std::nullopt : std::optional{json});
}

MYSQL_TIME time_of(TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss of_day{time - day};
  MYSQL_TIME parts{};
  parts.year = static_cast<unsigned>(static_cast<int>(date.year()));
  parts.month = static_cast<unsigned>(date.month());
  parts.day = static_cast<unsigned>(date.day());
  parts.hour = static_cast<unsigned>(of_day.hours().count());
  parts.minute = static_cast<unsigned>(of_day.minutes().count());
  parts.second = static_cast<unsigned>(of_day.seconds().count());
  parts.second_part =
      static_cast<unsigned long>(std::chrono::microseconds{of_day.subseconds()}.count());
  parts.time_type = MYSQL_TIMESTAMP_DATETIME;
  return parts;
}

void bind_time(MYSQL_BIND& value, const std::optional<TimePoint>& time, MYSQL_TIME& parts) {
  value.buffer_type = MYSQL_TYPE_DATETIME;
  value.buffer = &parts;
  if (time) {
    parts = time_of(*time);
  } else {
    bind_null(value);
  }
}

}  // namespace

InsertStatement::InsertStatement(std::string_view table)
    : head_{fmt::format("INSERT INTO {} ({}) ", table, event::column_list)} {}

std::size_t InsertStatement::fill(const Batch& batch, event::Rows rows) {
  const event::Rows candidates = rows.first(std::min(rows.size(), max_rows));
  std::size_t fitting = 0;
  std::size_t bytes = packet_bytes;
  for (const std::uint32_t row : candidates) {
    bytes += row_bytes(batch[row]);
    if (fitting > 0 && bytes > max_bytes_) break;
    ++fitting;
  }
  const std::size_t count = std::bit_floor(fitting);
  text_ = &text_for(count);
  rows_.resize(count);
  values_.assign(count * event::field_count, MYSQL_BIND{});
  bytes_ = packet_bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const Event event = batch[rows[i]];
    bytes_ += row_bytes(event);
    bind(event, rows_[i], values().subspan(i * event::field_count, event::field_count));
  }
  return count;
}

const std::string& InsertStatement::text_for(std::size_t count) {
  std::string& text = texts_[count];
  if (!text.empty()) return text;
  text = head_ + "VALUES ";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text.push_back(',');
    text += row_of_parameters;
  }
  text += tail;
  return text;
}

// Were the rows those of the table itself, `event_id` in the tail could be theirs.
std::string InsertStatement::without_rows() const {
  std::string nulls = "NULL";
  for (std::size_t i = 1; i < event::field_count; ++i) nulls += ",NULL";
  return fmt::format("{}SELECT {} FROM DUAL WHERE false{}", head_, nulls, tail);
}

// The values below have this order.
static_assert(column_order == std::array{Field::event_id, Field::server_time, Field::event_time,
                                         Field::event, Field::url, Field::properties,
                                         Field::context, Field::client_time, Field::sent_time,
                                         Field::violations},
              "a row must have the order of the columns");

void InsertStatement::bind(const Event& event, Row& row, std::span<MYSQL_BIND> values) {
  row.id = event.id;
  // Not a string, which would have a character set.
  bind_bytes(values[0], MYSQL_TYPE_BLOB, row.id.bytes.data(), row.id.bytes.size());
  bind_time(values[1], event.server_time, row.times[0]);
  bind_time(values[2], event.event_time, row.times[1]);
  bind_text(values[3], event.name);
  bind_text(values[4], event.url);
  bind_json(values[5], event.properties);
  bind_json(values[6], event.context);
  bind_time(values[7], event.client_time, row.times[2]);
  bind_time(values[8], event.sent_time, row.times[3]);
  bind_json(values[9], event.violations);
}

}  // namespace eventcollect::mysql
