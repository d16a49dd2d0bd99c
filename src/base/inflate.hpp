// Undoing Content-Encoding: gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace eventcollect::base {

enum class Inflated : std::uint8_t { whole, too_large, damaged };

// Inflates gzip data (RFC 1952, several members too) into `out`, which never holds more than
// `max_bytes`.
Inflated inflate_gzip(std::string_view data, std::size_t max_bytes, std::string& out);

}  // namespace eventcollect::base
