// The file that the last run left, after a crash perhaps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.hpp"
#include "drivers/file/directory.hpp"

namespace eventcollect::file {

// Tells the whole lines of a file from what a crash or a bad disk has made of others. A write that
// was cut off leaves at the end the beginning of a line: that was never acknowledged. All else
// that is not a JSON object may have been, and is damaged. One thread at a time. All functions
// throw Error.
class LeftFile {
 public:
  // Reads the first `size` bytes of the file `name`, which is open. All must outlive this object.
  LeftFile(const Directory& directory, const base::Descriptor& file, std::string_view name,
           std::uint64_t size);

  std::uint64_t lines() const { return lines_; }                  // whole ones
  std::uint64_t damaged_bytes() const { return damaged_bytes_; }  // of damaged lines
  std::uint64_t torn_bytes() const { return torn_bytes_; }        // at the end

  // Copies the torn bytes into a new durable file of this name.
  void copy_torn(std::string_view to) const;

  // Moves the damaged lines into a new durable file of this name, whose entry `sync_entries` has to
  // make durable. Line feeds take their place, since readers remember offsets.
  void move_damaged(std::string_view to, const std::function<void()>& sync_entries) const;

 private:
  enum class Kind : std::uint8_t { whole, damaged, torn };
  using Visit = std::function<void(Kind kind, std::string_view piece, std::uint64_t offset)>;

  void for_each(const Visit& visit) const;
  void copy(Kind kind, std::string_view to) const;
  void blank_damaged() const;

  const Directory& directory_;
  const base::Descriptor& file_;
  const std::string_view name_;
  const std::uint64_t size_;
  std::uint64_t lines_ = 0;
  std::uint64_t damaged_bytes_ = 0;
  std::uint64_t torn_bytes_ = 0;
};

}  // namespace eventcollect::file
