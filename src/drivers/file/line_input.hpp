// The lines of a file sink's files, read from a place on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/file_system.hpp"
#include "base/line_buffer.hpp"
#include "drivers/file/cursor.hpp"
#include "drivers/file/directory.hpp"

namespace eventcollect::file {

// No line of ours is longer. What is, recovery sets aside, and a reader gives up.
inline constexpr std::size_t max_line_bytes = std::size_t{16} << 20;

// One thread at a time.
class LineInput {
 public:
  // `directory` must outlive this object.
  LineInput(const Directory& directory, const Place& next);

  // Where the next line begins.
  const Place& place() const { return next_; }
  void move_to(const Place& place);

  // Goes to the beginning of the file with this sequence number, unless the place is in it.
  void open(std::shared_ptr<const base::Descriptor> file, std::uint64_t sequence, bool is_sealed);

  // The place stays.
  void close();

  // Null while no file is open.
  const std::shared_ptr<const base::Descriptor>& file() const { return file_; }
  bool is_sealed() const { return is_sealed_; }

  // Takes the next line that has been read; it lives until fill() is called.
  bool next(std::string_view& line);

  // Reads on in the open file, up to the byte `end`. False if there is no more. Throws Error.
  bool fill(std::uint64_t end);

 private:
  const Directory& directory_;
  std::shared_ptr<const base::Descriptor> file_;
  bool is_sealed_ = false;
  base::LineBuffer lines_;  // read from next_.offset on, but not yet taken
  Place next_;
};

}  // namespace eventcollect::file
