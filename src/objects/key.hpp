// What an object may be called; see object_store.hpp.
#pragma once

#include <string_view>

namespace eventcollect::objects {

bool is_key(std::string_view text);

// Throws std::invalid_argument where `key` is malformed.
void check_key(std::string_view key);

}  // namespace eventcollect::objects
