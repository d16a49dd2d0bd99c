#include "drivers/mysql/insert_statement.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/encoding.hpp"
#include "drivers/mysql/quoting.hpp"
#include "event/column_list.hpp"

namespace eventcollect::mysql {

using base::TimeText;
using event::column_order;
using event::Field;

namespace {

// This is about any unique index. Where it is another than that of event_id, the row that is there
// is another event, and NULL makes the statement fail: to pass over it would lose the new one.
constexpr std::string_view tail =
    " ON DUPLICATE KEY UPDATE event_id = IF(event_id = VALUES(event_id), event_id, NULL)";

void append_or_null(std::string& out, bool is_there, std::string_view text) {
  if (is_there) {
    append_literal(out, text);
  } else {
    out += "NULL";
  }
}

}  // namespace

InsertStatement::InsertStatement(std::string_view table)
    : head_{fmt::format("INSERT INTO {} ({}) VALUES ", table, event::column_list)} {}

std::size_t InsertStatement::fill(const Batch& batch, event::Rows rows) {
  text_ = head_;
  std::size_t count = 0;
  for (const std::uint32_t row : rows) {
    const std::size_t before = text_.size();
    if (count > 0) text_.push_back(',');
    append(batch[row]);
    if (count > 0 && text_.size() + tail.size() > max_bytes_) {
      text_.resize(before);
      break;
    }
    ++count;
  }
  text_ += tail;
  return count;
}

// The values below have this order.
static_assert(column_order == std::array{Field::event_id, Field::server_time, Field::event_time,
                                         Field::event, Field::url, Field::properties,
                                         Field::context, Field::client_time, Field::sent_time,
                                         Field::violations},
              "a row must have the order of the columns");

void InsertStatement::append(const Event& event) {
  const auto next = [&] { text_.push_back(','); };
  const auto time = [&](TimeText& form, const std::optional<TimePoint>& value) {
    next();
    append_or_null(text_, value.has_value(), value ? form.of(*value) : std::string_view{});
  };
  const auto json = [&](std::string_view value) {
    next();
    append_or_null(text_, !value.empty(), value);
  };
  text_ += "(x'";
  base::append_hex(text_,
                   {reinterpret_cast<const char*>(event.id.bytes.data()), event.id.bytes.size()});
  text_.push_back('\'');
  time(server_time_, event.server_time);
  time(event_time_, event.event_time);
  next();
  append_literal(text_, event.name);
  next();
  append_or_null(text_, event.url.has_value(), event.url.value_or(std::string_view{}));
  json(event.properties);
  json(event.context);
  time(client_time_, event.client_time);
  time(sent_time_, event.sent_time);
  json(event.violations);
  text_.push_back(')');
}

}  // namespace eventcollect::mysql
