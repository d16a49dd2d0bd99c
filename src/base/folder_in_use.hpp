// Folders whose default name has changed: one that exists under the former name only is still used.
#pragma once

#include <string>

namespace eventcollect {

struct FolderInUse {
  std::string path;
  std::string notice;  // what a start says where it is the former name; else empty
};

// `path`, unless only `former_path` exists.
FolderInUse folder_in_use(const std::string& path, const std::string& former_path);

}  // namespace eventcollect
