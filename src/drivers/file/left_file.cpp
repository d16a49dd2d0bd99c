#include "drivers/file/left_file.hpp"

#include <algorithm>
#include <cerrno>
#include <span>

#include "base/line_buffer.hpp"
#include "drivers/file/line_input.hpp"
#include "eventcollect/parser.hpp"

namespace eventcollect::file {

using base::Descriptor;
using base::FileSystem;
using base::LineBuffer;
using base::read_again;
using base::write_all;

namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 20;

// The bytes of the object that `text` begins with, or 0 where it does not end.
std::size_t object_bytes(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '{' || c == '[')) {
      ++depth;
    } else if (!in_string && (c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return 0;
}

// Whether a write that was cut off can have left `piece` at the end of a file: the beginning of an
// object, and behind it the zeros of a file that had grown already. An object with something else
// behind it was a whole line, and may have been acknowledged, before its line feed was damaged.
bool is_torn(std::string_view piece) {
  const std::string_view written = piece.substr(0, piece.find_last_not_of('\0') + 1);
  if (written.empty()) return true;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' '; };
  if (written.front() != '{' || std::any_of(written.begin(), written.end(), is_control)) {
    return false;
  }
  const std::size_t object = object_bytes(written);
  return object == 0 || object == piece.size();
}

}  // namespace

LeftFile::LeftFile(const Directory& directory, const Descriptor& file, std::string_view name,
                   std::uint64_t size)
    : directory_{directory}, file_{file}, name_{name}, size_{size} {
  for_each([&](Kind kind, std::string_view piece, std::uint64_t) {
    if (kind == Kind::whole && piece != "\n") ++lines_;
    if (kind == Kind::damaged) damaged_bytes_ += piece.size();
    if (kind == Kind::torn) torn_bytes_ += piece.size();
  });
}

// Calls `visit` with the whole file in order. A line comes with its line feed; one that is longer
// than any of ours comes in several pieces.
void LeftFile::for_each(const Visit& visit) const {
  LineBuffer lines{chunk_bytes, max_line_bytes + chunk_bytes};
  std::uint64_t offset = 0;  // of what is not visited
  bool is_too_long = false;
  const auto give = [&](Kind kind, std::string_view piece) {
    if (!piece.empty()) visit(kind, piece, offset);
    offset += piece.size();
  };
  for (;;) {
    for (std::string_view line; lines.next(line);) {
      const bool is_whole = !is_too_long && (line.empty() || is_json_object(line));
      give(is_whole ? Kind::whole : Kind::damaged, {line.data(), line.size() + 1});
      is_too_long = false;
    }
    if (lines.rest().size() > max_line_bytes) {
      give(Kind::damaged, lines.take_rest());
      is_too_long = true;
    }
    const std::uint64_t read = offset + lines.rest().size();
    const std::span<char> room = lines.room();
    const std::size_t wanted = std::min<std::uint64_t>(room.size(), size_ - read);
    if (wanted == 0) break;
    const std::int64_t got = directory_.check(
        read_again(directory_.files(), file_.get(), room.data(), wanted, read), "read", name_);
    if (got == 0) break;
    lines.add(static_cast<std::size_t>(got));
  }
  const std::string_view rest = lines.take_rest();
  give(!is_too_long && is_torn(rest) ? Kind::torn : Kind::damaged, rest);
}

void LeftFile::copy_torn(std::string_view to) const { copy(Kind::torn, to); }

void LeftFile::move_damaged(std::string_view to, const std::function<void()>& sync_entries) const {
  copy(Kind::damaged, to);
  sync_entries();
  blank_damaged();
}

void LeftFile::copy(Kind kind, std::string_view to) const {
  FileSystem& files = directory_.files();
  const int opened = files.open(directory_.path(to), FileSystem::Open::overwrite);
  const Descriptor copy{files, static_cast<int>(directory_.check(opened, "make", to))};
  std::string pending;
  const auto flush = [&] {
    directory_.check(write_all(files, copy.get(), pending), "write", to);
    pending.clear();
  };
  for_each([&](Kind found, std::string_view piece, std::uint64_t) {
    if (found == kind) pending += piece;
    if (pending.size() >= chunk_bytes) flush();
  });
  flush();
  directory_.check(files.sync_data(copy.get()), "sync", to);
}

void LeftFile::blank_damaged() const {
  FileSystem& files = directory_.files();
  const int opened = files.open(directory_.path(name_), FileSystem::Open::update);
  const Descriptor file{files, static_cast<int>(directory_.check(opened, "open", name_))};
  const std::string feeds(chunk_bytes, '\n');
  for_each([&](Kind kind, std::string_view piece, std::uint64_t offset) {
    if (kind != Kind::damaged) return;
    for (std::size_t done = 0; done < piece.size();) {
      const std::size_t bytes = std::min(piece.size() - done, feeds.size());
      const std::int64_t written = files.overwrite(file.get(), feeds.data(), bytes, offset + done);
      if (written == -EINTR) continue;
      done += static_cast<std::size_t>(directory_.check(written, "write", name_));
    }
  });
  directory_.check(files.sync_data(file.get()), "sync", name_);
}

}  // namespace eventcollect::file
