// Directories that a power cut does not take back.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/file_system.hpp"

namespace eventcollect::base {

// Makes directories, and remembers which are durable. Safe from any thread.
class DurableDirectories {
 public:
  struct Failure {
    int error;              // an errno
    std::string_view call;  // "make", "open" or "sync"
    std::string path;       // of what
  };

  // `files` has to outlive it.
  DurableDirectories(FileSystem& files, std::string root);

  // Makes `path` and those of its parents that are missing; on return their entries are synced.
  // Those that exist are synced, too, once: a process that came no further may have made them. Of
  // these the ones that lie in a directory that we may not read, or whose file system does not
  // sync directories, count as durable down to the root. What was removed since is made again.
  std::optional<Failure> make(std::string path);

  // Without slashes at its end.
  const std::string& root() const { return root_; }

 private:
  std::optional<Failure> make_one(const std::string& path);

  FileSystem& files_;
  const std::string root_;
  std::mutex mutex_;
  std::set<std::string, std::less<>> durable_;
};

}  // namespace eventcollect::base
