// What a crash left of the last lines of a file.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/file_system.hpp"
#include "drivers/file/directory.hpp"

namespace eventcollect::file {

// How many of the first `size` bytes of `file`, which has this name, are whole lines of valid JSON
// objects. Throws Error.
std::uint64_t valid_prefix(const Directory& directory, const base::Descriptor& file,
                           std::string_view name, std::uint64_t size);

// Copies the bytes of `file` from `begin` to `end` into a new durable file `torn_name`. Throws
// Error.
void keep_torn_tail(const Directory& directory, const base::Descriptor& file, std::uint64_t begin,
                    std::uint64_t end, std::string_view torn_name);

}  // namespace eventcollect::file
