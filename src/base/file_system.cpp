#include "base/file_system.hpp"

#include <cerrno>

namespace eventcollect::base {

int write_all(FileSystem& files, int descriptor, std::string_view data) {
  while (!data.empty()) {
    const std::int64_t written = files.write(descriptor, data.data(), data.size());
    if (written == -EINTR) continue;
    if (written < 0) return static_cast<int>(written);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

std::int64_t read_again(FileSystem& files, int descriptor, char* out, std::size_t bytes,
                        std::uint64_t offset) {
  std::int64_t got = -EINTR;
  while (got == -EINTR) got = files.read(descriptor, out, bytes, offset);
  return got;
}

}  // namespace eventcollect::base
