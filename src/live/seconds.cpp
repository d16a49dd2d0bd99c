#include "live/seconds.hpp"

#include "base/format.hpp"

namespace eventcollect::live {
namespace {

std::int64_t second_of(TimePoint time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace

std::uint64_t Seconds::add(TimePoint time, std::uint64_t count) {
  const std::int64_t number = second_of(time);
  Second& second = seconds_[static_cast<std::size_t>(number) % kept];
  if (second.number != number) second = {number, 0};
  const std::uint64_t before = second.count;
  second.count += count;
  return before;
}

void Seconds::append(std::string& json, TimePoint now) const {
  const std::int64_t last = second_of(now);
  for (std::int64_t number = last - static_cast<std::int64_t>(kept) + 1; number <= last; ++number) {
    const Second& second = seconds_[static_cast<std::size_t>(number) % kept];
    json.push_back(json.back() == '[' ? ' ' : ',');
    base::append_format(json, "{}", second.number == number ? second.count : 0);
  }
}

}  // namespace eventcollect::live
