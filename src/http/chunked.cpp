#include "http/chunked.hpp"

#include <utility>

#include "base/ascii.hpp"

namespace eventcollect::http {

using base::hex_value;

namespace {

constexpr std::size_t max_line_bytes = 1024;
constexpr std::size_t max_trailer_bytes = 8 << 10;
constexpr std::uint64_t max_chunk_bytes = std::uint64_t{1} << 60;

}  // namespace

// Reads one byte outside of the content. False if it is malformed.
bool ChunkedReader::step(char c) {
  if (std::exchange(carriage_return_, false)) return c == '\n' && end_line();
  if (c == '\r') {
    carriage_return_ = true;
    return true;
  }
  if (c == '\n' || ++line_bytes_ > max_line_bytes) return false;
  switch (state_) {
    case State::size: {
      if (c == ';' && line_bytes_ > 1) {
        state_ = State::extension;
        return true;
      }
      const int digit = hex_value(c);
      if (digit < 0 || left_ > max_chunk_bytes >> 4) return false;
      left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
      return true;
    }
    case State::extension:
      return true;
    case State::trailer:
      return ++trailer_bytes_ <= max_trailer_bytes;
    case State::content_end:
    case State::content:
    case State::complete:
      return false;
  }
  return false;
}

bool ChunkedReader::end_line() {
  const std::size_t line_bytes = std::exchange(line_bytes_, 0);
  switch (state_) {
    case State::size:
    case State::extension:
      state_ = left_ == 0 ? State::trailer : State::content;
      return line_bytes > 0;
    case State::content_end:
      state_ = State::size;
      return line_bytes == 0;
    case State::trailer:
      if (line_bytes == 0) state_ = State::complete;
      return true;
    case State::content:
    case State::complete:
      return false;
  }
  return false;
}

}  // namespace eventcollect::http
