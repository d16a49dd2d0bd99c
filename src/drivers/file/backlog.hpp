// How much a reader has still to read.
#pragma once

#include <cstdint>

#include "drivers/file/cursor.hpp"
#include "drivers/file/directory.hpp"
#include "drivers/file/progress.hpp"

namespace eventcollect::file {

// The bytes of lines from `from` on: those of the sealed files and, unless `progress` is null,
// those of the growing file that are durable. Throws Error.
std::uint64_t bytes_from(const Place& from, const Directory& directory, const Progress* progress);

}  // namespace eventcollect::file
