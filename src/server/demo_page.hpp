#pragma once

#include <string_view>

namespace eventcollect::server {

// examples/server/index.html, put into the library when it is built.
extern const std::string_view demo_page;

}  // namespace eventcollect::server
