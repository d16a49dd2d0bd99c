#include "drivers/sqlite/row.hpp"

#include "event/fields.hpp"

namespace eventcollect::sqlite {

using event::column_order;
using event::Field;

namespace {

// The decimal digits of `value`, with leading zeros, at `out`.
void put(char* out, std::size_t digits, unsigned value) {
  for (; digits > 0; value /= 10) out[--digits] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::string_view TimeText::of(TimePoint time) {
  if (time != time_) {
    time_ = time;
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const auto of_day = static_cast<unsigned>((time - day).count());
    char* text = text_.data();
    put(text, 4, static_cast<unsigned>(static_cast<int>(date.year())));
    put(text + 5, 2, static_cast<unsigned>(date.month()));
    put(text + 8, 2, static_cast<unsigned>(date.day()));
    put(text + 11, 2, of_day / 3'600'000);
    put(text + 14, 2, of_day / 60'000 % 60);
    put(text + 17, 2, of_day / 1'000 % 60);
    put(text + 20, 3, of_day % 1'000);
  }
  return {text_.data(), text_.size()};
}

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
