// The system calls for files, behind one seam: a test puts faults and power cuts here, and another
// platform would have its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eventcollect::base {

// What is made can be written by us, read by our group and seen by nobody else (umask aside).
inline constexpr unsigned file_mode = 0640;
inline constexpr unsigned directory_mode = 0750;

// Each function returns what the call of its name does (POSIX.1-2017), or -errno where it fails.
// None tries again after EINTR or a short count: that is the caller's part. What is opened to be
// written, or is asked for its size, may not be a symbolic link: -ELOOP. Descriptors are those of
// this file system only, and never 0, 1 or 2. Safe from any thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  enum class Open : std::uint8_t {
    directory,   // for sync
    read,        // a file that exists, perhaps of another user
    read_write,  // a file that exists
    create_new,  // a file that must not exist; appends
    update,      // a file that exists, to write over
    overwrite,   // a file that is emptied or made
  };

  virtual int make_directory(const std::string& path) = 0;
  virtual int open(const std::string& path, Open how) = 0;
  virtual void close(int descriptor) = 0;
  virtual std::int64_t read(int descriptor, char* out, std::size_t bytes, std::uint64_t offset) = 0;
  virtual std::int64_t write(int descriptor, const char* data, std::size_t bytes) = 0;
  // Over what is there, without growing the file; not of one that appends.
  virtual std::int64_t overwrite(int descriptor, const char* data, std::size_t bytes,
                                 std::uint64_t offset) = 0;
  virtual std::int64_t size(const std::string& path) = 0;
  virtual int truncate(int descriptor, std::uint64_t bytes) = 0;  // and moves the end of appending

  // fdatasync: the content and the size of a file are durable.
  virtual int sync_data(int descriptor) = 0;
  // fsync: of a directory, its entries are durable.
  virtual int sync(int descriptor) = 0;

  virtual int rename(const std::string& from, const std::string& to) = 0;
  // A second name for a file; -EEXIST where `to` is one already.
  virtual int link(const std::string& from, const std::string& to) = 0;
  virtual int remove(const std::string& path) = 0;
  virtual int list(const std::string& directory, std::vector<std::string>& names) = 0;

  // Takes the only writer's lock of `path`, which is made. Returns a descriptor to close, or
  // -EWOULDBLOCK where another process or sink has it.
  virtual int lock(const std::string& path) = 0;

  // Whether `path` is the file or directory that `descriptor` is: 1, or 0 if it was removed or
  // replaced.
  virtual int is_same(const std::string& path, int descriptor) = 0;

  // Whether `bytes` more could be written after `size`: 0 or -ENOSPC and the like. Either way it
  // may leave the file longer than `size`.
  virtual int probe_space(int descriptor, std::uint64_t size, std::uint64_t bytes) = 0;
};

FileSystem& posix_file_system();

// Writes all of `data`, however many calls it takes. Returns 0 or -errno.
int write_all(FileSystem& files, int descriptor, std::string_view data);

// As FileSystem::read, again after EINTR.
std::int64_t read_again(FileSystem& files, int descriptor, char* out, std::size_t bytes,
                        std::uint64_t offset);

// A descriptor with an owner. Movable.
class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(FileSystem& files, int value) : files_{&files}, value_{value} {}
  Descriptor(Descriptor&& other) noexcept
      : files_{other.files_}, value_{std::exchange(other.value_, -1)} {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(files_, other.files_);
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const { return value_; }
  void reset() {
    if (value_ >= 0) files_->close(std::exchange(value_, -1));
  }

 private:
  FileSystem* files_ = nullptr;
  int value_ = -1;
};

}  // namespace eventcollect::base
