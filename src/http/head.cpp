#include "http/head.hpp"

#include <algorithm>
#include <charconv>

#include "base/ascii.hpp"

namespace eventcollect::http {

using base::equals_ignoring_case;
using base::is_alpha;
using base::is_digit;
using base::is_token;
using base::trim_blanks;

namespace {

constexpr std::uint64_t max_content_length = std::uint64_t{1} << 60;

// A field's value may hold a tab, and no other control character.
bool is_field_character(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_field_character);
}

// What of a URL names its server, without a user (RFC 3986, section 3.2).
bool is_authority(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    if (is_alpha(c) || is_digit(c)) return true;
    return c != '\0' && std::string_view{"-._~%!$&'()*+,;=:[]"}.find(c) != std::string_view::npos;
  });
}

// Takes a line that ends in CRLF off `text`. The caller knows that there is one.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line;
}

// Takes the next element off a list (RFC 9110, section 5.6.1). It may be empty.
std::string_view take_element(std::string_view& list) {
  const std::string_view element = list.substr(0, list.find(','));
  list.remove_prefix(std::min(list.size(), element.size() + 1));
  return trim_blanks(element);
}

bool has_element(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    if (equals_ignoring_case(take_element(list), wanted)) return true;
  }
  return false;
}

struct RequestLine {
  std::string_view method{};
  std::string_view path{};
  std::string_view query{};
  std::string_view authority{};  // of a target in absolute form, else empty
  bool is_1_1 = false;
};

// A path, a whole URL, or the asterisk of OPTIONS (RFC 9112, section 3.2).
bool parse_target(std::string_view target, RequestLine& line) {
  const bool is_visible = std::all_of(target.begin(), target.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F;
  });
  if (!is_visible) return false;
  if (target == "*") {
    line.path = target;
    return line.method == "OPTIONS";
  }
  if (!target.starts_with('/')) {
    constexpr std::string_view separator = "://";
    const std::size_t scheme = target.find(separator);
    const std::string_view name = target.substr(0, scheme);
    if (!equals_ignoring_case(name, "http") && !equals_ignoring_case(name, "https")) return false;
    if (scheme == std::string_view::npos) return false;
    target.remove_prefix(scheme + separator.size());
    line.authority = target.substr(0, target.find_first_of("/?"));
    if (line.authority.empty() || !is_authority(line.authority)) return false;
    target.remove_prefix(line.authority.size());
  }
  line.path = target.substr(0, target.find('?'));
  line.query = target.substr(std::min(target.size(), line.path.size() + 1));
  if (line.path.empty()) line.path = "/";
  return true;
}

bool parse_request_line(std::string_view text, RequestLine& line) {
  const std::size_t first = text.find(' ');
  const std::size_t last = text.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  line.method = text.substr(0, first);
  const std::string_view version = text.substr(last + 1);
  line.is_1_1 = version == "HTTP/1.1";
  return is_token(line.method) && parse_target(text.substr(first + 1, last - first - 1), line) &&
         (line.is_1_1 || version == "HTTP/1.0");
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
  bool is_malformed = false;
  bool is_unsupported = false;
  bool says_close = false;
  bool says_keep_alive = false;
  std::size_t hosts = 0;
};

// An empty element is malformed here, though lists may have some: a proxy that passes over such a
// field sees the request end elsewhere.
void note_transfer_codings(std::string_view list, Head& head, Framing& framing) {
  bool has_more = true;
  while (has_more) {
    has_more = list.find(',') != std::string_view::npos;
    const std::string_view coding = take_element(list);
    const bool is_chunked = equals_ignoring_case(coding, "chunked");
    if (coding.empty() || (is_chunked && head.is_chunked)) framing.is_malformed = true;
    if (!is_chunked) framing.is_unsupported = true;
    head.is_chunked |= is_chunked;
  }
}

void note_framing(std::string_view name, std::string_view value, Head& head, Framing& framing) {
  if (equals_ignoring_case(name, "Content-Length")) {
    framing.is_malformed |= !parse_length(value, head.content_length);
  } else if (equals_ignoring_case(name, "Transfer-Encoding")) {
    note_transfer_codings(value, head, framing);
  } else if (equals_ignoring_case(name, "Connection")) {
    framing.says_close |= has_element(value, "close");
    framing.says_keep_alive |= has_element(value, "keep-alive");
  } else if (equals_ignoring_case(name, "Expect")) {
    head.expects_continue |= has_element(value, "100-continue");
  } else if (equals_ignoring_case(name, "Host")) {
    framing.is_malformed |= !is_authority(value);
    ++framing.hosts;
  }
}

// Several lines of a field are one list (RFC 9110, section 5.2), which most fields may not be: what
// reads them then finds no value that it knows.
void note_request_header(std::string_view name, std::string_view value,
                         std::string_view client_ip_header, Head& head) {
  for (const RequestHeader& wanted : request_headers) {
    const bool is_client_ip = wanted.member == &Request::forwarded_for;
    if (!equals_ignoring_case(name, is_client_ip ? client_ip_header : wanted.name)) continue;
    std::string_view& member = head.request.*wanted.member;
    if (member.empty()) {
      member = value;
      return;
    }
    std::string& joined = head.joined[&wanted];
    if (joined.empty()) joined = member;
    joined.append(", ").append(value);
    member = joined;
    return;
  }
}

bool parse_field(std::string_view line, std::string_view client_ip_header, Head& head,
                 Framing& framing) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  // The name's check also rejects a line that continues the one before, and a blank before ':'.
  if (!is_token(name) || !is_field_value(value)) return false;
  note_framing(name, value, head, framing);
  note_request_header(name, value, client_ip_header, head);
  return true;
}

}  // namespace

void skip_empty_lines(std::string_view& text) {
  while (text.starts_with("\r\n")) text.remove_prefix(2);
}

HeadResult parse_head(std::string_view text, Head& head, std::string_view client_ip_header) {
  const std::size_t end = text.find(head_end);
  if (end == std::string_view::npos) return HeadResult::incomplete;
  head.text = text.substr(0, end + head_end.size());
  std::string_view rest = std::string_view{head.text}.substr(0, end + 2);
  RequestLine line;
  if (!parse_request_line(take_line(rest), line)) return HeadResult::malformed;
  head.request.method = line.method;
  head.request.path = line.path;
  head.request.query = line.query;
  head.is_1_1 = line.is_1_1;
  Framing framing;
  while (!rest.empty()) {
    if (!parse_field(take_line(rest), client_ip_header, head, framing))
      return HeadResult::malformed;
  }
  if (framing.is_malformed) return HeadResult::malformed;
  if (framing.is_unsupported) return HeadResult::unsupported;
  if (head.is_chunked && (head.content_length || !head.is_1_1)) return HeadResult::malformed;
  if (framing.hosts > 1 || (head.is_1_1 && framing.hosts == 0)) return HeadResult::malformed;
  if (!line.authority.empty()) head.request.host = line.authority;
  head.expects_continue = head.expects_continue && head.is_1_1;
  head.keeps_alive = !framing.says_close && (head.is_1_1 || framing.says_keep_alive);
  return HeadResult::complete;
}

HeadResult HeadWatch::look(std::string_view text) {
  const std::size_t cut_end_bytes = std::min(seen_bytes_, head_end.size() - 1);
  if (text.find(head_end, seen_bytes_ - cut_end_bytes) != std::string_view::npos) {
    return HeadResult::complete;
  }
  for (; seen_bytes_ < text.size(); ++seen_bytes_) {
    const char c = text[seen_bytes_];
    const bool follows_return = seen_bytes_ > 0 && text[seen_bytes_ - 1] == '\r';
    if ((c == '\n') != follows_return) return HeadResult::malformed;
    if (c != '\r' && c != '\n' && !is_field_character(c)) return HeadResult::malformed;
    if (c != '\n' || has_request_line_) continue;
    RequestLine line;
    if (!parse_request_line(text.substr(0, seen_bytes_ - 1), line)) return HeadResult::malformed;
    has_request_line_ = true;
  }
  return HeadResult::incomplete;
}

}  // namespace eventcollect::http
