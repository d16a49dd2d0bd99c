// Names and values as a statement has them.
#pragma once

#include <string>
#include <string_view>

namespace eventcollect::mysql {

// `name`, in backticks.
std::string quoted_name(std::string_view name);

// Appends 'text'. `text` is UTF-8 without U+0000, as the session's character set is UTF-8.
void append_literal(std::string& out, std::string_view text);
std::string literal(std::string_view text);

}  // namespace eventcollect::mysql
