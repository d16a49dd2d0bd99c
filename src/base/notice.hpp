// What a sink or a source says to an operator.
#pragma once

#include <fmt/core.h>

namespace eventcollect::base {

void notice_formatted(fmt::string_view format, fmt::format_args values);

// Passes what fmt::format makes of its arguments to the handler of eventcollect/notice.hpp. A
// notice that there is no memory for is left out. Safe from any thread.
template <typename... Values>
void notice(fmt::format_string<Values...> format, Values&&... values) {
  notice_formatted(format, fmt::make_format_args(values...));
}

}  // namespace eventcollect::base
