// The directory of a file sink, as its readers see it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"

namespace eventcollect::file {

struct SealedFile {
  std::uint64_t sequence;
  std::string name;
};

// Immutable. All functions throw Error.
class Directory {
 public:
  Directory(std::string path, base::FileSystem& files);

  base::FileSystem& files() const { return files_; }
  const std::string& path() const { return path_; }
  std::string path(std::string_view name) const;

  // Of all files, in no order.
  std::vector<std::string> names() const;

  // The sealed file with the smallest sequence number that is at least `from`.
  std::optional<SealedFile> first_sealed(std::uint64_t from) const;

  // Null where the file is missing.
  std::shared_ptr<const base::Descriptor> open(std::string_view name) const;

  // Passes on the result of a system call, or throws where it is an error.
  std::int64_t check(std::int64_t result, std::string_view what, std::string_view name) const;

 private:
  const std::string path_;
  base::FileSystem& files_;
};

}  // namespace eventcollect::file
