// Text of others, as it may stand in a message or a log.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace eventcollect::base {

// `text` with its control characters and the bytes that are not UTF-8 as \xNN, so that it cannot
// move a terminal's cursor or begin a line of its own. What is over `max_bytes` is cut off, and "…"
// says so.
std::string printable(std::string_view text, std::size_t max_bytes = 2'048);

// A value that a message names: 'text', or "the value" where it holds '@' or '=', as connection
// strings with a password do.
std::string in_quotes(std::string_view value);

}  // namespace eventcollect::base
