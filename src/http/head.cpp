#include "http/head.hpp"

#include <algorithm>
#include <charconv>

#include "base/ascii.hpp"

namespace eventcollect::http {

using base::equals_ignoring_case;
using base::is_alpha;
using base::is_digit;
using base::trim_blanks;

namespace {

constexpr std::uint64_t max_content_length = std::uint64_t{1} << 60;

// A character of a token (RFC 9110, section 5.6.2).
bool is_token(char c) {
  if (is_alpha(c) || is_digit(c)) return true;
  return c != '\0' && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_token(c); });
}

// A field's value may hold a tab, and no other control character.
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

bool parse_request_line(std::string_view line, Head& head, bool& is_1_1) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  head.request.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  is_1_1 = version == "HTTP/1.1";
  head.request.path = target.substr(0, target.find('?'));
  return is_token(head.request.method) && is_target(target) && (is_1_1 || version == "HTTP/1.0");
}

bool parse_length(std::string_view text, std::optional<std::uint64_t>& length) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
  if (!whole || value > max_content_length || length) return false;
  length = value;
  return true;
}

// What the fields say about the connection and about the end of the request.
struct Framing {
  HeadResult result = HeadResult::complete;
  bool says_close = false;
  bool says_keep_alive = false;
  std::size_t hosts = 0;
};

void note_framing(std::string_view name, std::string_view value, Head& head, Framing& framing) {
  if (equals_ignoring_case(name, "Content-Length")) {
    if (!parse_length(value, head.content_length)) framing.result = HeadResult::malformed;
  } else if (equals_ignoring_case(name, "Transfer-Encoding")) {
    if (head.is_chunked) framing.result = HeadResult::malformed;
    head.is_chunked = true;
    if (!equals_ignoring_case(value, "chunked")) framing.result = HeadResult::unsupported;
  } else if (equals_ignoring_case(name, "Connection")) {
    framing.says_close |= equals_ignoring_case(value, "close");
    framing.says_keep_alive |= equals_ignoring_case(value, "keep-alive");
  } else if (equals_ignoring_case(name, "Expect")) {
    head.expects_continue = equals_ignoring_case(value, "100-continue");
  } else if (equals_ignoring_case(name, "Host")) {
    ++framing.hosts;
  }
}

void note_request_header(std::string_view name, std::string_view value, Head& head) {
  for (const RequestHeader& wanted : request_headers) {
    if (!equals_ignoring_case(name, wanted.name)) continue;
    std::string_view& member = head.request.*wanted.member;
    if (member.empty()) {
      member = value;
    } else if (wanted.member == &Request::forwarded_for) {
      // Several lines are one list (RFC 9110, section 5.3).
      if (head.forwarded_for.empty()) head.forwarded_for = member;
      head.forwarded_for.append(", ").append(value);
      member = head.forwarded_for;
    }
    return;
  }
}

bool parse_field(std::string_view line, Head& head, Framing& framing) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  // The name's check also rejects a line that continues the one before, and a blank before ':'.
  if (!is_token(name) || !is_field_value(value)) return false;
  note_framing(name, value, head, framing);
  note_request_header(name, value, head);
  return true;
}

}  // namespace

HeadResult parse_head(std::string_view text, Head& head) {
  const std::size_t end = text.find(head_end);
  if (end == std::string_view::npos) return HeadResult::incomplete;
  head.text = text.substr(0, end + head_end.size());
  std::string_view rest = std::string_view{head.text}.substr(0, end + 2);
  bool is_1_1 = false;
  if (!parse_request_line(take_line(rest), head, is_1_1)) return HeadResult::malformed;
  Framing framing;
  while (!rest.empty()) {
    if (!parse_field(take_line(rest), head, framing)) return HeadResult::malformed;
  }
  if (framing.result != HeadResult::complete) return framing.result;
  if (head.is_chunked && (head.content_length || !is_1_1)) return HeadResult::malformed;
  if (framing.hosts > 1 || (is_1_1 && framing.hosts == 0)) return HeadResult::malformed;
  head.keeps_alive = is_1_1 ? !framing.says_close : framing.says_keep_alive && !framing.says_close;
  return HeadResult::complete;
}

}  // namespace eventcollect::http
