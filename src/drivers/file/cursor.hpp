// How far a reader has come in a file sink's directory, kept in DIR/NAME.cursor.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/file_system.hpp"

namespace eventcollect::file {

// Before the byte `offset` of the file with this sequence number; where that file is missing, at
// the beginning of the next one.
struct Place {
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;

  auto operator<=>(const Place&) const = default;  // NOLINT(modernize-use-nullptr)
};

// Reads the place from a cursor's file. Returns 0, or -errno, -EBADMSG where the file is malformed;
// then `place` stays as it was. Never throws.
//
// The file is two slots, each a place and its checksum, that are overwritten in turn: a crash while
// one is written leaves the other, and a full disk does not stop the cursor.
int read_cursor(base::FileSystem& files, const std::string& path, Place& place);

// The one user of a cursor, held by a lock on DIR/.NAME.lock. One thread at a time. All functions
// throw Error.
class Cursor {
 public:
  // Throws where another reader has the cursor. `name` is a letter and then letters, digits, '-'
  // and '_'.
  Cursor(base::FileSystem& files, const std::string& directory, const std::string& name);

  // The place that was last saved, or the beginning.
  const Place& saved() const { return saved_; }

  // On return `place` is durable. It must not be before the last one.
  void save(const Place& place);

 private:
  void create();
  void write_slot(std::size_t slot, const Place& place);
  std::int64_t check(std::int64_t result, const char* what) const;

  base::FileSystem& files_;
  const std::string directory_;
  const std::string path_;
  base::Descriptor lock_;
  base::Descriptor file_;
  std::size_t next_slot_ = 0;
  Place saved_;
};

}  // namespace eventcollect::file
