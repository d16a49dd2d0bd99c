// Chunked transfer coding (RFC 9112, section 7.1), undone piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace eventcollect::http {

// Reads one body, of which it buffers nothing.
class ChunkedReader {
 public:
  enum class Result : std::uint8_t { incomplete, complete, malformed };

  // Takes bytes off the front of `input` and passes those of the content to `sink`, as string
  // views, until the input or the body ends. Trailers are skipped.
  template <typename ContentSink>
  Result read(std::string_view& input, ContentSink&& sink) {
    while (!input.empty() && state_ != State::complete) {
      if (state_ == State::content) {
        const std::string_view piece = input.substr(0, static_cast<std::size_t>(left_));
        sink(piece);
        left_ -= piece.size();
        input.remove_prefix(piece.size());
        if (left_ == 0) state_ = State::content_end;
      } else {
        const char c = input.front();
        input.remove_prefix(1);
        if (!step(c)) return Result::malformed;
      }
    }
    return state_ == State::complete ? Result::complete : Result::incomplete;
  }

 private:
  enum class State : std::uint8_t { size, extension, content, content_end, trailer, complete };

  bool step(char c);
  bool end_line();

  State state_ = State::size;
  std::uint64_t left_ = 0;      // of the chunk
  std::size_t line_bytes_ = 0;  // of the line that is being read
  std::size_t trailer_bytes_ = 0;
  bool carriage_return_ = false;
};

}  // namespace eventcollect::http
