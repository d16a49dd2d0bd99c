#include "drivers/file/line_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "eventcollect/sink.hpp"

namespace eventcollect::file {

using base::Descriptor;
using base::LineBuffer;
using base::read_again;

namespace {

constexpr std::size_t chunk_bytes = std::size_t{256} << 10;

LineBuffer empty_lines() { return {chunk_bytes, max_line_bytes + chunk_bytes}; }

}  // namespace

LineInput::LineInput(const Directory& directory, const Place& next)
    : directory_{directory}, lines_{empty_lines()}, next_{next} {}

void LineInput::move_to(const Place& place) {
  close();
  next_ = place;
}

void LineInput::open(std::shared_ptr<const Descriptor> file, std::uint64_t sequence,
                     bool is_sealed) {
  close();
  if (sequence != next_.sequence) next_ = {sequence, 0};
  file_ = std::move(file);
  is_sealed_ = is_sealed;
}

void LineInput::close() {
  if (!file_) return;
  file_.reset();
  is_sealed_ = false;
  lines_ = empty_lines();
}

bool LineInput::next(std::string_view& line) {
  if (!lines_.next(line)) return false;
  next_.offset += line.size() + 1;
  return true;
}

bool LineInput::fill(std::uint64_t end) {
  const std::size_t pending = lines_.rest().size();
  const std::uint64_t offset = next_.offset + pending;
  if (offset >= end) return false;
  if (pending > max_line_bytes) {
    throw Error{
        Error::misconfigured,
        fmt::format("a line of file {} in '{}' is longer than {} bytes: move the file elsewhere",
                    next_.sequence, directory_.path(), max_line_bytes)};
  }
  const std::span<char> room = lines_.room();
  const std::size_t wanted = std::min<std::uint64_t>(room.size(), end - offset);
  const std::int64_t got =
      read_again(directory_.files(), file_->get(), room.data(), wanted, offset);
  directory_.check(got, "read a file of", directory_.path());
  if (got == 0 && is_sealed_ && pending > 0) {
    // The last line of a sealed file may lack its line feed.
    room.front() = '\n';
    lines_.add(1);
    return true;
  }
  lines_.add(static_cast<std::size_t>(got));
  return got > 0;
}

}  // namespace eventcollect::file
