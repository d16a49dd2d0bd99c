#include "base/time_text.hpp"

#include <cstddef>

namespace eventcollect::base {
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

}  // namespace eventcollect::base
