#include "objects/layout.hpp"

#include <fmt/format.h>

namespace eventcollect::objects {
namespace {

constexpr std::string_view form = "dt=0000-00-00/hour=00/";

}  // namespace

std::string Hour::partition() const {
  const auto day = std::chrono::floor<std::chrono::days>(begin_);
  const std::chrono::year_month_day date{day};
  return fmt::format("dt={:04}-{:02}-{:02}/hour={:02}/", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     std::chrono::floor<std::chrono::hours>(begin_ - day).count());
}

std::optional<Hour> Hour::of_key(std::string_view key) {
  for (const std::string_view folder :
       {raw_folder, hourly_folder, plans_folder, quarantine_folder}) {
    if (!key.starts_with(folder)) continue;
    key.remove_prefix(folder.size());
    if (key.size() < form.size()) return {};
    // The partition is read as RFC 3339, and written again: so exactly our form fits.
    const auto begin =
        parse_rfc3339(fmt::format("{}T{}:00:00Z", key.substr(3, 10), key.substr(19, 2)));
    if (!begin) return {};
    const Hour hour{*begin};
    if (!key.starts_with(hour.partition())) return {};
    return hour;
  }
  return {};
}

}  // namespace eventcollect::objects
