// Formatted text at the end of a string.
#pragma once

#include <fmt/format.h>

#include <string>

namespace eventcollect::base {

void append_formatted(std::string& out, fmt::string_view format, fmt::format_args values);

// What fmt::format_to does with a back_inserter. That is a template, which takes the compiler three
// seconds in each file that calls it; this is compiled once.
template <typename... Values>
void append_format(std::string& out, fmt::format_string<Values...> format, Values&&... values) {
  append_formatted(out, format, fmt::make_format_args(values...));
}

}  // namespace eventcollect::base
