// Lines out of what is read in pieces.
//
//   LineBuffer lines{first_bytes, max_bytes};
//   do {
//     for (std::string_view line; lines.next(line);) …
//     const std::span<char> room = lines.room();
//     got = read(room.data(), room.size());
//     lines.add(got);
//   } while (got > 0);
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace eventcollect::base {

// One thread at a time.
class LineBuffer {
 public:
  // Grows up to `max_bytes`, which bounds the longest line that it can give.
  LineBuffer(std::size_t first_bytes, std::size_t max_bytes)
      : max_bytes_{max_bytes}, buffer_(first_bytes) {}

  // Takes the next whole line, without its line feed; it lives until room() is called. False where
  // the end of the line is yet to come.
  bool next(std::string_view& line);

  // What is not taken.
  std::string_view rest() const { return {buffer_.data() + begin_, end_ - begin_}; }

  // Takes all of the rest, which lives until room() is called.
  std::string_view take_rest();

  // Where more is to be written, of which add() then says how much it was. Never empty while the
  // rest is shorter than `max_bytes`.
  std::span<char> room();
  void add(std::size_t bytes) { end_ += bytes; }

 private:
  std::size_t max_bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;     // of the rest
  std::size_t searched_ = 0;  // of the rest, without a line feed
  std::size_t end_ = 0;
};

}  // namespace eventcollect::base
