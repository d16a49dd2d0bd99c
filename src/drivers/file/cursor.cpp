#include "drivers/file/cursor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>

#include "base/ascii.hpp"
#include "base/checksum.hpp"
#include "base/errno_text.hpp"
#include "drivers/file/names.hpp"
#include "eventcollect/source.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::file {

using base::checksum;
using base::Descriptor;
using base::errno_text;
using base::FileSystem;
using base::is_alpha;
using base::is_digit;
using base::read_again;
using base::write_all;

namespace {

constexpr std::size_t slots = 2;
constexpr std::size_t slot_bytes = 64;

// With a checksum, since a crash may leave only a part of it.
std::string slot_text(const Place& place) {
  const std::string numbers = fmt::format("{:20} {:20}", place.sequence, place.offset);
  return fmt::format("{} {:08x}{:13}\n", numbers, checksum(numbers), "");
}

std::optional<Place> parse_slot(std::string_view slot) {
  Place place;
  std::string_view text = slot;
  for (std::uint64_t* number : {&place.sequence, &place.offset}) {
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    const auto parsed = std::from_chars(text.data() + begin, text.data() + text.size(), *number);
    if (parsed.ec != std::errc{}) return {};
    text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  }
  if (slot != slot_text(place)) return {};
  return place;
}

// The slot that was written last is the one with the later place, since a cursor only goes forward.
struct Latest {
  Place place;
  std::size_t slot;
};

// Returns what read_cursor() returns.
int read_latest(FileSystem& files, const std::string& path, Latest& latest) {
  const Descriptor file{files, files.open(path, FileSystem::Open::read)};
  if (file.get() < 0) return file.get();
  std::array<char, slots * slot_bytes> text{};
  const std::int64_t got = read_again(files, file.get(), text.data(), text.size(), 0);
  if (got < 0) return static_cast<int>(got);
  const std::string_view all{text.data(), static_cast<std::size_t>(got)};
  bool is_any = false;
  for (std::size_t slot = 0; (slot + 1) * slot_bytes <= all.size(); ++slot) {
    const auto place = parse_slot(all.substr(slot * slot_bytes, slot_bytes));
    if (!place || (is_any && *place < latest.place)) continue;
    latest = {*place, slot};
    is_any = true;
  }
  return is_any ? 0 : -EBADMSG;
}

void check_name(const std::string& name) {
  const auto is_fine = [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_'; };
  // A name that begins with a digit could be mistaken for a sealed file's.
  if (!name.empty() && is_alpha(name.front()) && std::all_of(name.begin(), name.end(), is_fine)) {
    return;
  }
  throw ConfigError{fmt::format(
      "cursor: '{}' must begin with a letter and consist of letters, digits, '-' and '_'", name)};
}

}  // namespace

int read_cursor(FileSystem& files, const std::string& path, Place& place) {
  Latest latest{};
  const int read = read_latest(files, path, latest);
  if (read == 0) place = latest.place;
  return read;
}

Cursor::Cursor(FileSystem& files, const std::string& directory, const std::string& name)
    : files_{files},
      directory_{directory},
      path_{fmt::format("{}/{}{}", directory, name, cursor_suffix)} {
  check_name(name);
  const int locked = files_.lock(fmt::format("{}/.{}.lock", directory, name));
  if (locked == -EWOULDBLOCK) {
    throw Error{
        Error::misconfigured,
        fmt::format("'{}' is in use by another reader: give each a cursor of its own", path_)};
  }
  lock_ = {files_, static_cast<int>(check(locked, "lock"))};
  Latest latest{};
  const int read = read_latest(files_, path_, latest);
  if (read == -EBADMSG) {
    throw Error{Error::misconfigured,
                fmt::format("'{}' is malformed: remove it to read from the beginning", path_)};
  }
  if (read == -ENOENT) {
    create();
  } else {
    check(read, "read");
    saved_ = latest.place;
    next_slot_ = (latest.slot + 1) % slots;
  }
  const int opened = files_.open(path_, FileSystem::Open::update);
  file_ = {files_, static_cast<int>(check(opened, "open"))};
}

// The file appears whole or not at all.
void Cursor::create() {
  const std::string next = path_ + ".new";
  {
    const int opened = files_.open(next, FileSystem::Open::overwrite);
    const Descriptor file{files_, static_cast<int>(check(opened, "make"))};
    check(write_all(files_, file.get(), slot_text({}) + slot_text({})), "write");
    check(files_.sync_data(file.get()), "sync");
  }
  check(files_.rename(next, path_), "replace");
  const int opened = files_.open(directory_, FileSystem::Open::directory);
  const Descriptor directory{files_, static_cast<int>(check(opened, "open the directory of"))};
  check(files_.sync(directory.get()), "sync the directory of");
}

void Cursor::save(const Place& place) {
  write_slot(next_slot_, place);
  next_slot_ = (next_slot_ + 1) % slots;
  saved_ = place;
}

void Cursor::write_slot(std::size_t slot, const Place& place) {
  const std::string text = slot_text(place);
  for (std::size_t done = 0; done < text.size();) {
    const std::int64_t written = files_.overwrite(file_.get(), text.data() + done,
                                                  text.size() - done, slot * slot_bytes + done);
    if (written == -EINTR) continue;
    done += static_cast<std::size_t>(check(written, "write"));
  }
  check(files_.sync_data(file_.get()), "sync");
}

std::int64_t Cursor::check(std::int64_t result, const char* what) const {
  if (result >= 0) return result;
  throw Error{Error::unavailable,
              fmt::format("cannot {} '{}': {}", what, path_, errno_text(result))};
}

}  // namespace eventcollect::file
