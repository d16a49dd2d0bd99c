#include "compact/run_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/errno_text.hpp"
#include "eventcollect/object_store.hpp"

namespace eventcollect::compaction {

using base::errno_text;

namespace {

// What stands in the file before each line.
struct Head {
  std::uint64_t id_high;
  std::uint64_t id_low;
  std::int64_t server_time;
  std::uint64_t line_bytes;
};

[[noreturn]] void fail(int error, std::string_view what, const std::string& directory) {
  throw Error{Error::unavailable, fmt::format("cannot {} a temporary file for sorting in '{}': {}",
                                              what, directory, errno_text(error))};
}

std::string directory_or_default(const std::string& directory) {
  if (!directory.empty()) return directory;
  std::error_code error;
  const auto found = std::filesystem::temp_directory_path(error);
  if (error) fail(error.value(), "make", "the system's directory for temporary files");
  return found.string();
}

int open_nameless(const std::string& directory) {
  int descriptor = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  // Not every file system has files without a name.
  if (descriptor < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
    std::string path = directory + "/eventcollect-XXXXXX";
    descriptor = ::mkostemp(path.data(), O_CLOEXEC);
    if (descriptor >= 0) ::unlink(path.c_str());
  }
  if (descriptor < 0) fail(errno, "make", directory);
  return descriptor;
}

class RunReader final : public SortedEvents {
 public:
  RunReader(std::unique_ptr<RunFile> file, std::size_t buffer_bytes)
      : file_{std::move(file)}, buffer_(std::max(buffer_bytes, 2 * sizeof(Head))) {}

  bool next(SortedEvent& out) override {
    if (!has(sizeof(Head))) return false;
    Head head;
    std::memcpy(&head, buffer_.data() + begin_, sizeof(head));
    const std::size_t bytes = sizeof(head) + static_cast<std::size_t>(head.line_bytes);
    if (!has(bytes)) throw Error{Error::unavailable, "a temporary file was cut off"};
    out = {head.id_high,
           head.id_low,
           head.server_time,
           {buffer_.data() + begin_ + sizeof(head), bytes - sizeof(head)}};
    begin_ += bytes;
    return true;
  }

 private:
  // Whether so many bytes follow; they are in the buffer then.
  bool has(std::size_t bytes) {
    if (end_ - begin_ >= bytes) return true;
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    if (buffer_.size() < bytes) buffer_.resize(bytes);
    while (end_ < bytes) {
      const ssize_t got = ::pread(file_->descriptor(), buffer_.data() + end_, buffer_.size() - end_,
                                  static_cast<off_t>(offset_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        throw Error{Error::unavailable,
                    fmt::format("cannot read a temporary file: {}", errno_text(errno))};
      }
      if (got == 0) return false;
      end_ += static_cast<std::size_t>(got);
      offset_ += static_cast<std::uint64_t>(got);
    }
    return true;
  }

  std::unique_ptr<RunFile> file_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not yet taken
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;  // of what is not yet read
};

}  // namespace

RunFile::RunFile(const std::string& directory, std::size_t buffer_bytes)
    : directory_{directory_or_default(directory)}, buffer_bytes_{buffer_bytes} {
  descriptor_ = open_nameless(directory_);
}

RunFile::~RunFile() { ::close(descriptor_); }

void RunFile::add(const SortedEvent& event) {
  const Head head{event.id_high, event.id_low, event.server_time, event.line.size()};
  buffer_.append(reinterpret_cast<const char*>(&head), sizeof(head));
  buffer_.append(event.line);
  if (buffer_.size() >= buffer_bytes_) flush();
}

void RunFile::finish() {
  flush();
  std::string{}.swap(buffer_);
}

void RunFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno, "write", directory_);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  bytes_ += buffer_.size();
  buffer_.clear();
}

std::unique_ptr<SortedEvents> read_run(std::unique_ptr<RunFile> file, std::size_t buffer_bytes) {
  return std::make_unique<RunReader>(std::move(file), buffer_bytes);
}

}  // namespace eventcollect::compaction
