// When a reader's cursor goes to disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "drivers/file/cursor.hpp"
#include "drivers/file/directory.hpp"

namespace eventcollect::file {

// Saves a cursor at once when it has passed a file, so that the file can be removed, and otherwise
// once a second. One thread at a time. All functions throw Error.
class Checkpoint {
 public:
  // `directory` must outlive this object. With `consume`, the files that all readers have passed
  // are removed.
  Checkpoint(const Directory& directory, const std::string& cursor, bool consume);

  const Place& saved() const { return cursor_.saved(); }

  // `place` is never before an earlier one.
  void save(const Place& place);
  void save_if_due(const Place& place);

 private:
  const Directory& directory_;
  const bool consume_;
  Cursor cursor_;
  std::uint64_t settled_sequence_;  // the files before it need no further look
  std::chrono::steady_clock::time_point saved_at_;
};

}  // namespace eventcollect::file
