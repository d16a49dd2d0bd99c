// The head of an HTTP/1 request (RFC 9112), read strictly: it is rejected where two readers could
// disagree about where the request ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/http.hpp"

namespace eventcollect::http {

// What ends a head.
inline constexpr std::string_view head_end = "\r\n\r\n";

// Neither copied nor moved: the views of `request` are into its own strings.
struct Head {
  Head() = default;
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;

  std::string text;                                    // of the head, the empty line included
  Request request;                                     // all but the peer and the body
  std::map<const RequestHeader*, std::string> joined;  // values that came in several lines
  std::optional<std::uint64_t> content_length;
  bool is_chunked = false;
  bool is_1_1 = false;
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

// Takes the empty lines off the front of `text` that may come before a request (RFC 9112, section
// 2.2).
void skip_empty_lines(std::string_view& text);

// Reads the head at the front of `text` into a new `head`. What follows it is not looked at.
// `client_ip_header` is the header for Request::forwarded_for.
HeadResult parse_head(std::string_view text, Head& head,
                      std::string_view client_ip_header = default_client_ip_header);

// Watches a head come in pieces: finds its end, and what can never become a head before that, such
// as a TLS handshake. Looks at each byte once.
class HeadWatch {
 public:
  // `text` is all that has come of the head. Complete where its end is there: parse_head() tells
  // whether it is malformed.
  HeadResult look(std::string_view text);

 private:
  std::size_t seen_bytes_ = 0;
  bool has_request_line_ = false;
};

}  // namespace eventcollect::http
