#include "http/date.hpp"

#include <fmt/format.h>

namespace eventcollect::http {

void Date::compose(Time now) {
  constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{now - day};
  fmt::format_to_n(text_.data(), text_.size(), "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                   days[std::chrono::weekday{day}.c_encoding()], unsigned{date.day()},
                   months[unsigned{date.month()} - 1], int{date.year()}, time.hours().count(),
                   time.minutes().count(), time.seconds().count());
  now_ = now;
}

}  // namespace eventcollect::http
