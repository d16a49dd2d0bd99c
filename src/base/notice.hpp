// What a sink or a source says to an operator.
#pragma once

#include <string_view>

namespace eventcollect::base {

// Passes `text` to the handler of eventcollect/notice.hpp. Safe from any thread.
void notice(std::string_view text);

}  // namespace eventcollect::base
