// CRC-32, as gzip has it (RFC 1952, section 8).
#pragma once

#include <cstdint>
#include <string_view>

namespace eventcollect::base {

std::uint32_t checksum(std::string_view bytes);

}  // namespace eventcollect::base
