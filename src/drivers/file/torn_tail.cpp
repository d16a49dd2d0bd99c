#include "drivers/file/torn_tail.hpp"

#include <span>
#include <string>

#include "base/line_buffer.hpp"
#include "eventcollect/parser.hpp"

namespace eventcollect::file {

using base::Descriptor;
using base::FileSystem;
using base::LineBuffer;
using base::read_again;
using base::write_all;

namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 20;
constexpr std::size_t max_line_bytes = std::size_t{16} << 20;

}  // namespace

std::uint64_t valid_prefix(const Directory& directory, const Descriptor& file,
                           std::string_view name, std::uint64_t size) {
  std::uint64_t valid = 0;
  LineBuffer lines{chunk_bytes, max_line_bytes + chunk_bytes};
  for (std::uint64_t offset = 0; offset < size && lines.rest().size() <= max_line_bytes;) {
    const std::span<char> room = lines.room();
    const std::int64_t got = directory.check(
        read_again(directory.files(), file.get(), room.data(), room.size(), offset), "read", name);
    if (got == 0) break;
    offset += static_cast<std::uint64_t>(got);
    lines.add(static_cast<std::size_t>(got));
    for (std::string_view line; lines.next(line);) {
      if (!is_json_object(line)) return valid;
      valid += line.size() + 1;
    }
  }
  return valid;
}

void keep_torn_tail(const Directory& directory, const Descriptor& file, std::uint64_t begin,
                    std::uint64_t end, std::string_view torn_name) {
  FileSystem& files = directory.files();
  const int opened = files.open(directory.path(torn_name), FileSystem::Open::overwrite);
  const Descriptor torn{files, static_cast<int>(directory.check(opened, "make", torn_name))};
  std::string chunk(chunk_bytes, '\0');
  for (std::uint64_t offset = begin; offset < end;) {
    const std::int64_t got = directory.check(
        read_again(files, file.get(), chunk.data(), chunk.size(), offset), "read", torn_name);
    if (got == 0) break;
    const std::string_view piece{chunk.data(), static_cast<std::size_t>(got)};
    directory.check(write_all(files, torn.get(), piece), "write", torn_name);
    offset += static_cast<std::uint64_t>(got);
  }
  directory.check(files.sync_data(torn.get()), "sync", torn_name);
}

}  // namespace eventcollect::file
