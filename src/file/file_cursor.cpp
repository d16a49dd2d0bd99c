#include "file/file_cursor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

#include "eventcollect/source.hpp"
#include "eventcollect/url.hpp"
#include "file/file_names.hpp"

namespace eventcollect {
namespace {

std::optional<FilePlace> parse_cursor(std::string_view text) {
  FilePlace place;
  const char* const end = text.data() + text.size();
  const auto sequence = std::from_chars(text.data(), end, place.sequence);
  if (sequence.ec != std::errc{} || sequence.ptr == end || *sequence.ptr != ' ') return {};
  const auto offset = std::from_chars(sequence.ptr + 1, end, place.offset);
  if (offset.ec != std::errc{} || offset.ptr == end || *offset.ptr != '\n') return {};
  return place;
}

void check_name(const std::string& name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_fine = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  // A name that begins with a digit would look like a sealed file's.
  if (!name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), is_fine)) {
    return;
  }
  throw ConfigError{fmt::format(
      "'{}' is no name of a cursor: a letter, then letters, digits, '-' and '_'", name)};
}

}  // namespace

int read_cursor(FileSystem& files, const std::string& path, FilePlace& place) {
  const Descriptor file{files, files.open(path, FileSystem::Open::read)};
  if (file.get() < 0) return file.get();
  std::array<char, 64> text{};
  std::int64_t got = -EINTR;
  while (got == -EINTR) got = files.read(file.get(), text.data(), text.size(), 0);
  if (got < 0) return static_cast<int>(got);
  const auto parsed = parse_cursor({text.data(), static_cast<std::size_t>(got)});
  if (!parsed) return -EBADMSG;
  place = *parsed;
  return 0;
}

FileCursor::FileCursor(FileSystem& files, const std::string& directory, const std::string& name)
    : files_{files},
      directory_{directory},
      path_{fmt::format("{}/{}{}", directory, name, cursor_suffix)} {
  check_name(name);
  const int opened = files_.open(directory_, FileSystem::Open::directory);
  directory_descriptor_ = {files_, static_cast<int>(check(opened, "open the directory"))};
  const int locked = files_.lock(fmt::format("{}/.{}.lock", directory, name));
  if (locked == -EWOULDBLOCK) {
    throw SourceError{
        SourceError::misconfigured,
        fmt::format("'{}' is in use by another reader: give each a cursor of its own", path_)};
  }
  lock_ = {files_, static_cast<int>(check(locked, "lock"))};
  const int read = read_cursor(files_, path_, saved_);
  if (read == -EBADMSG) {
    throw SourceError{
        SourceError::misconfigured,
        fmt::format("'{}' holds no cursor; without the file reading begins anew", path_)};
  }
  if (read != -ENOENT) check(read, "read");
}

void FileCursor::save(const FilePlace& place) {
  const std::string next = path_ + ".new";
  const std::string text = fmt::format("{} {}\n", place.sequence, place.offset);
  {
    const int opened = files_.open(next, FileSystem::Open::overwrite);
    const Descriptor file{files_, static_cast<int>(check(opened, "make"))};
    for (std::string_view left = text; !left.empty();) {
      const std::int64_t written = files_.write(file.get(), left.data(), left.size());
      if (written == -EINTR) continue;
      left.remove_prefix(static_cast<std::size_t>(check(written, "write")));
    }
    check(files_.sync_data(file.get()), "sync");
  }
  check(files_.rename(next, path_), "replace");
  check(files_.sync(directory_descriptor_.get()), "sync the directory of");
  saved_ = place;
}

std::int64_t FileCursor::check(std::int64_t result, const char* what) const {
  if (result >= 0) return result;
  const std::string why = std::generic_category().message(static_cast<int>(-result));
  throw SourceError{SourceError::unavailable, fmt::format("cannot {} '{}': {}", what, path_, why)};
}

}  // namespace eventcollect
