#pragma once

#include <string_view>

namespace eventcollect::client {

// client.min.js, put into the library when it is built.
extern const std::string_view script;

}  // namespace eventcollect::client
