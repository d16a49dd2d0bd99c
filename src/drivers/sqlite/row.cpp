#include "drivers/sqlite/row.hpp"

#include "event/fields.hpp"

namespace eventcollect::sqlite {

using base::TimeText;
using event::column_order;
using event::Field;

// The values below have this order.
static_assert(column_order == std::array{Field::event_id, Field::server_time, Field::event_time,
                                         Field::event, Field::url, Field::properties,
                                         Field::context, Field::client_time, Field::sent_time,
                                         Field::violations},
              "a row must have the order of the columns");

int Row::bind(Statement& insert, const Event& event) {
  int parameter = 0;
  int failure = SQLITE_OK;
  const auto text = [&](std::string_view value) {
    const int code = insert.bind(++parameter, value);
    if (code != SQLITE_OK) failure = code;
  };
  const auto text_unless = [&](bool absent, std::string_view value) {
    if (!absent) return text(value);
    insert.bind_null(++parameter);
  };
  const auto time_if = [&](TimeText& form, const std::optional<TimePoint>& time) {
    text_unless(!time, time ? form.of(*time) : std::string_view{});
  };
  event.id.write(id_.data());
  text({id_.data(), id_.size()});
  text(server_time_.of(event.server_time));
  text(event_time_.of(event.event_time));
  text(event.name);
  text_unless(!event.url, event.url.value_or(""));
  text(event.properties);
  text_unless(event.context.empty(), event.context);
  time_if(client_time_, event.client_time);
  time_if(sent_time_, event.sent_time);
  text_unless(event.violations.empty(), event.violations);
  return failure;
}

}  // namespace eventcollect::sqlite
