#include "drivers/file/consumed.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "drivers/file/cursor.hpp"
#include "drivers/file/names.hpp"

namespace eventcollect::file {

void remove_consumed(const Directory& directory) {
  const auto all = directory.names();
  std::uint64_t passed = std::numeric_limits<std::uint64_t>::max();
  for (const std::string& name : all) {
    if (!name.ends_with(cursor_suffix)) continue;
    // A cursor that cannot be read stays at the beginning, so nothing is removed.
    Place cursor;
    read_cursor(directory.files(), directory.path(name), cursor);
    passed = std::min(passed, cursor.sequence);
  }
  for (const std::string& name : all) {
    if (!is_sealed_file(name) || sequence_of(name) >= passed) continue;
    const int removed = directory.files().remove(directory.path(name));
    if (removed != -ENOENT) directory.check(removed, "remove", name);
  }
}

}  // namespace eventcollect::file
