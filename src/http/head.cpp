#include "http/head.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/ascii.hpp"

namespace eventcollect {
namespace {

constexpr std::size_t longest_chunk_line = 1024;
constexpr std::size_t most_trailer_bytes = 8 << 10;
constexpr std::uint64_t largest_length = std::uint64_t{1} << 60;

// A character of a token (RFC 9110, section 5.6.2).
bool is_token(char c) {
  if (is_alpha(c) || is_digit(c)) return true;
  return c != '\0' && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_token(c); });
}

// A field's value may hold anything but control characters; a tab is none of them.
bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  });
}

bool is_target(std::string_view text) {
  return text.starts_with('/') && std::all_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) > 0x20 && c != 0x7F;
         });
}

// Takes a line that ends in CRLF off `text`. The caller knows that there is one.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line;
}

bool parse_request_line(std::string_view line, HttpHead& head, bool& is_1_1) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  head.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  is_1_1 = version == "HTTP/1.1";
  head.path = target.substr(0, target.find('?'));
  return is_token(head.method) && is_target(target) && (is_1_1 || version == "HTTP/1.0");
}

bool parse_length(std::string_view text, std::optional<std::uint64_t>& length) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
  if (!whole || value > largest_length || length) return false;
  length = value;
  return true;
}

// What of the fields decides over the connection and the end of the request.
struct Framing {
  HeadResult result = HeadResult::complete;
  bool says_close = false;
  bool says_keep_alive = false;
  std::size_t hosts = 0;
};

void note_field(const HttpHead::Field& field, HttpHead& head, Framing& framing) {
  if (equals_ignoring_case(field.name, "Content-Length")) {
    if (!parse_length(field.value, head.content_length)) framing.result = HeadResult::malformed;
  } else if (equals_ignoring_case(field.name, "Transfer-Encoding")) {
    if (head.is_chunked) framing.result = HeadResult::malformed;
    head.is_chunked = true;
    if (!equals_ignoring_case(field.value, "chunked")) framing.result = HeadResult::unsupported;
  } else if (equals_ignoring_case(field.name, "Connection")) {
    framing.says_close |= equals_ignoring_case(field.value, "close");
    framing.says_keep_alive |= equals_ignoring_case(field.value, "keep-alive");
  } else if (equals_ignoring_case(field.name, "Expect")) {
    head.expects_continue = equals_ignoring_case(field.value, "100-continue");
  } else if (equals_ignoring_case(field.name, "Host")) {
    ++framing.hosts;
  }
}

}  // namespace

HeadResult parse_head(std::string_view text, HttpHead& head) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return HeadResult::incomplete;
  head.fields.clear();
  head.content_length.reset();
  head.is_chunked = false;
  head.expects_continue = false;
  head.bytes = end + 4;
  std::string_view rest = text.substr(0, end + 2);
  bool is_1_1 = false;
  if (!parse_request_line(take_line(rest), head, is_1_1)) return HeadResult::malformed;
  Framing framing;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return HeadResult::malformed;
    const HttpHead::Field field{line.substr(0, colon), trim_blanks(line.substr(colon + 1))};
    // The name's check also refuses a line that continues the one before, and space before ':'.
    if (!is_token(field.name) || !is_field_value(field.value)) return HeadResult::malformed;
    note_field(field, head, framing);
    head.fields.push_back(field);
  }
  if (framing.result != HeadResult::complete) return framing.result;
  if (head.is_chunked && (head.content_length || !is_1_1)) return HeadResult::malformed;
  if (framing.hosts > 1 || (is_1_1 && framing.hosts == 0)) return HeadResult::malformed;
  head.keeps_alive = is_1_1 ? !framing.says_close : framing.says_keep_alive && !framing.says_close;
  return HeadResult::complete;
}

// One byte of what stands between the pieces of content.
bool ChunkedReader::step(char c) {
  if (carriage_return_) {
    carriage_return_ = false;
    if (c != '\n') return false;
    const std::size_t line = std::exchange(line_bytes_, 0);
    switch (state_) {
      case State::size:
      case State::extension:
        state_ = left_ == 0 ? State::trailer : State::content;
        return line > 0;
      case State::content_end:
        state_ = State::size;
        return line == 0;
      case State::trailer:
        if (line == 0) state_ = State::complete;
        return true;
      case State::content:
      case State::complete:
        return false;
    }
  }
  if (c == '\r') {
    carriage_return_ = true;
    return true;
  }
  if (c == '\n' || ++line_bytes_ > longest_chunk_line) return false;
  switch (state_) {
    case State::size: {
      if (c == ';' && line_bytes_ > 1) {
        state_ = State::extension;
        return true;
      }
      const int digit = hex_value(c);
      if (digit < 0 || left_ > largest_length >> 4) return false;
      left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
      return true;
    }
    case State::extension:
      return true;
    case State::trailer:
      return ++trailer_bytes_ <= most_trailer_bytes;
    case State::content_end:
    case State::content:
    case State::complete:
      return false;
  }
  return false;
}

}  // namespace eventcollect
