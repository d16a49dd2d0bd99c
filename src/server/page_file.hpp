// The page that the server serves at /.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "http/response.hpp"

namespace eventcollect::server {

// A larger one is not read: it would be read again at each SIGHUP, while no other signal is heard.
inline constexpr std::size_t max_page_bytes = std::size_t{8} << 20;

// The page in this file, or for an empty path the demo page, which loads the client from below
// `events_path`. Throws ConfigError where it cannot be
// read, without waiting for a pipe's other end, and where it is too large.
http::SharedBody read_page(const std::string& path, std::string_view events_path);

}  // namespace eventcollect::server
