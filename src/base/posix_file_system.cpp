#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/file_system.hpp"

namespace eventcollect::base {
namespace {

template <typename Result>
Result or_errno(Result result) {
  return result < 0 ? static_cast<Result>(-errno) : result;
}

// In a process that was started without 0, 1 or 2, what it prints would go into a file that has
// such a descriptor. Returns one that is none of these, or -errno.
int above_standard(int descriptor) {
  if (descriptor < 0) return -errno;
  if (descriptor > STDERR_FILENO) return descriptor;
  const int moved = or_errno(::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  ::close(descriptor);
  return moved;
}

int open_flags(FileSystem::Open how) {
  switch (how) {
    case FileSystem::Open::directory:
      return O_RDONLY | O_DIRECTORY;
    case FileSystem::Open::read:
      return O_RDONLY | O_NONBLOCK;  // or a pipe would wait for its other end
    case FileSystem::Open::read_write:
      return O_RDWR | O_APPEND | O_NOFOLLOW;
    case FileSystem::Open::update:
      return O_RDWR | O_NOFOLLOW;
    case FileSystem::Open::create_new:
      return O_RDWR | O_APPEND | O_CREAT | O_EXCL;
    case FileSystem::Open::overwrite:
      return O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW;
  }
  return O_RDONLY;
}

class PosixFileSystem final : public FileSystem {
 public:
  int make_directory(const std::string& path) override {
    return or_errno(::mkdir(path.c_str(), directory_mode));
  }

  int open(const std::string& path, Open how) override {
    return above_standard(::open(path.c_str(), open_flags(how) | O_CLOEXEC, file_mode));
  }

  void close(int descriptor) override { ::close(descriptor); }

  std::int64_t read(int descriptor, char* out, std::size_t bytes, std::uint64_t offset) override {
    return or_errno(::pread(descriptor, out, bytes, static_cast<off_t>(offset)));
  }

  std::int64_t write(int descriptor, const char* data, std::size_t bytes) override {
    return or_errno(::write(descriptor, data, bytes));
  }

  std::int64_t overwrite(int descriptor, const char* data, std::size_t bytes,
                         std::uint64_t offset) override {
    return or_errno(::pwrite(descriptor, data, bytes, static_cast<off_t>(offset)));
  }

  std::int64_t size(const std::string& path) override {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return -errno;
    return S_ISLNK(status.st_mode) ? -ELOOP : status.st_size;
  }

  int truncate(int descriptor, std::uint64_t bytes) override {
    return or_errno(::ftruncate(descriptor, static_cast<off_t>(bytes)));
  }

  int sync_data(int descriptor) override { return or_errno(::fdatasync(descriptor)); }
  int sync(int descriptor) override { return or_errno(::fsync(descriptor)); }

  int rename(const std::string& from, const std::string& to) override {
    return or_errno(::rename(from.c_str(), to.c_str()));
  }

  int link(const std::string& from, const std::string& to) override {
    return or_errno(::link(from.c_str(), to.c_str()));
  }

  int remove(const std::string& path) override { return or_errno(::unlink(path.c_str())); }

  int list(const std::string& directory, std::vector<std::string>& names) override {
    DIR* stream = ::opendir(directory.c_str());
    if (stream == nullptr) return -errno;
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) names.emplace_back(entry->d_name);
    const int error = errno;
    ::closedir(stream);
    return -error;
  }

  int lock(const std::string& path) override {
    const int descriptor =
        above_standard(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, file_mode));
    if (descriptor < 0) return descriptor;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
    const int error = errno;
    ::close(descriptor);
    return -error;
  }

  int is_same(const std::string& path, int descriptor) override {
    struct stat named {};
    struct stat held {};
    if (::fstat(descriptor, &held) != 0) return -errno;
    if (::stat(path.c_str(), &named) != 0) return errno == ENOENT ? 0 : -errno;
    return named.st_ino == held.st_ino && named.st_dev == held.st_dev ? 1 : 0;
  }

  int probe_space(int descriptor, std::uint64_t size, std::uint64_t bytes) override {
    // Growing the file, and not only its blocks, meets the limits on a file's size too.
    const int result =
        ::fallocate(descriptor, 0, static_cast<off_t>(size), static_cast<off_t>(bytes));
    return result == 0 || errno == EOPNOTSUPP ? 0 : -errno;
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem instance;
  return instance;
}

}  // namespace eventcollect::base
