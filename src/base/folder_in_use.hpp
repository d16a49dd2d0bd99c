// Folders whose default name has changed: one that exists under the former name only is still used.
#pragma once

#include <string>

namespace eventcollect::base {

struct FolderInUse {
  std::string path;
  std::string notice;  // what a start says where the former one exists; else empty
};

// `path`, unless only `former_path` exists.
FolderInUse folder_in_use(const std::string& path, const std::string& former_path);

}  // namespace eventcollect::base
