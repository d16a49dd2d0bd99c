#include "base/durable_directories.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace eventcollect::base {
namespace {

std::string without_last_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// The directory that has the entry of `path`.
std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/', path.find_last_not_of('/'));
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// What a file system says that has no sync of directories, or that is read-only.
bool is_without_sync(int result) {
  return result == -EINVAL || result == -EROFS || result == -EOPNOTSUPP;
}

}  // namespace

DurableDirectories::DurableDirectories(FileSystem& files, std::string root)
    : files_{files}, root_{without_last_slashes(std::move(root))} {}

std::optional<DurableDirectories::Failure> DurableDirectories::make(std::string path) {
  path = without_last_slashes(std::move(path));
  const std::lock_guard lock{mutex_};
  if (durable_.contains(path)) {
    if (files_.make_directory(path) == -EEXIST) return {};
    durable_.clear();  // its parents may be gone, too
  }
  for (std::size_t end = 0; end != path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    std::string part = path.substr(0, end);
    if (durable_.contains(part)) continue;
    if (auto failure = make_one(part)) return failure;
    durable_.insert(std::move(part));
  }
  return {};
}

std::optional<DurableDirectories::Failure> DurableDirectories::make_one(const std::string& path) {
  const int made = files_.make_directory(path);
  const bool was_there = made == -EEXIST;
  if (made < 0 && !was_there) return Failure{-made, "make", path};
  const bool may_be_anyones = was_there && path.size() <= root_.size();
  const std::string parent = parent_of(path);
  const Descriptor descriptor{files_, files_.open(parent, FileSystem::Open::directory)};
  if (descriptor.get() < 0) {
    if (may_be_anyones) return {};
    return Failure{-descriptor.get(), "open", parent};
  }
  const int synced = files_.sync(descriptor.get());
  if (may_be_anyones && is_without_sync(synced)) return {};
  if (synced < 0) return Failure{-synced, "sync", parent};
  return {};
}

}  // namespace eventcollect::base
