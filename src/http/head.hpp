// The head of an HTTP/1 request (RFC 9112), read strictly: where two readers could disagree about
// where a request ends, it is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace eventcollect {

// Views into the bytes that were parsed.
struct HttpHead {
  struct Field {
    std::string_view name;
    std::string_view value;  // without the white space around it
  };

  std::string_view method;
  std::string_view path;  // of the target, without the query
  std::vector<Field> fields;
  std::size_t bytes = 0;  // of the head, the empty line included
  std::optional<std::uint64_t> content_length;
  bool is_chunked = false;
  bool keeps_alive = false;
  bool expects_continue = false;

  bool has_body() const { return is_chunked || content_length.value_or(0) > 0; }
};

enum class HeadResult : std::uint8_t {
  complete,
  incomplete,   // more bytes are needed
  malformed,    // 400
  unsupported,  // 501: a transfer coding other than chunked
};

// Reads the head at the front of `text` into `head`, whose memory is used again.
HeadResult parse_head(std::string_view text, HttpHead& head);

// Undoes chunked transfer coding (RFC 9112, section 7.1) piece by piece.
class ChunkedReader {
 public:
  enum class Result : std::uint8_t { incomplete, complete, malformed };

  // Takes bytes off the front of `input` and hands those of the content to `sink`, as string views,
  // until the input or the body ends. Trailers are passed over.
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

  State state_ = State::size;
  std::uint64_t left_ = 0;      // of the chunk
  std::size_t line_bytes_ = 0;  // of the line that is being read
  std::size_t trailer_bytes_ = 0;
  bool carriage_return_ = false;
};

}  // namespace eventcollect
