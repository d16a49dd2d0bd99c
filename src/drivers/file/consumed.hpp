// Removing the files that are read.
#pragma once

#include "drivers/file/directory.hpp"

namespace eventcollect::file {

// Removes the sealed files that the readers of all cursors have passed. The cursors are durable, so
// the writer never gives the number of a removed file to a new one. Throws Error.
void remove_consumed(const Directory& directory);

}  // namespace eventcollect::file
