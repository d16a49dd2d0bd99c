#include "base/folder_in_use.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

namespace eventcollect::base {

FolderInUse folder_in_use(const std::string& path, const std::string& former_path) {
  std::error_code unknown;
  if (!std::filesystem::is_directory(former_path, unknown)) return {path, {}};
  if (std::filesystem::exists(path, unknown) || unknown) {
    return {path, fmt::format("'{}' is not used any more, but '{}': move what it holds",
                              former_path, path)};
  }
  return {former_path,
          fmt::format("using '{}', whose default name is now '{}': rename it while nothing uses it",
                      former_path, path)};
}

}  // namespace eventcollect::base
