// How far a reader has come in a file sink's directory, kept in DIR/NAME.cursor.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/file_system.hpp"

namespace eventcollect::file {

// Before the byte `offset` of the file with this sequence number, or of the next that there is.
struct Place {
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;

  auto operator<=>(const Place&) const = default;  // NOLINT(modernize-use-nullptr)
};

// What a cursor's file says. Returns 0, or -errno, -EBADMSG where it holds no cursor; then `place`
// stays as it was. Never throws.
//
// The file is two slots, each a place and its checksum, that are written in turn and in place: so a
// crash in the middle of one leaves the other, and a full disk does not hold the cursor up.
int read_cursor(FileSystem& files, const std::string& path, Place& place);

// The one user of a cursor, held by a lock on DIR/.NAME.lock. One thread at a time. All functions
// throw Error.
class Cursor {
 public:
  // Throws where another reader has the cursor. `name` is a letter and then letters, digits, '-'
  // and '_'.
  Cursor(FileSystem& files, const std::string& directory, const std::string& name);

  // As it was last saved, or the beginning.
  const Place& saved() const { return saved_; }

  // After it, a crash does not take the cursor back beyond `place`, which is not before the last.
  void save(const Place& place);

 private:
  void create();
  void write_slot(std::size_t slot, const Place& place);
  std::int64_t check(std::int64_t result, const char* what) const;

  FileSystem& files_;
  const std::string directory_;
  const std::string path_;
  Descriptor lock_;
  Descriptor file_;
  std::size_t next_slot_ = 0;
  Place saved_;
};

}  // namespace eventcollect::file
