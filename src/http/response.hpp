// Responses as HTTP/1.1 text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "eventcollect/http.hpp"

namespace eventcollect::http {

// What an answer says of its connection.
enum class Persistence : std::uint8_t {
  as_usual,    // nothing: it stays, as HTTP/1.1 has it
  keep_alive,  // it stays, since an HTTP/1.0 client asked for that
  close,       // it ends with this answer
};

// Appends the response, also with Content-Length and Date. The answer to a HEAD request has no
// body, but says how long it would be. If memory is short `out` is left as it was.
void append_response(std::string& out, const Response& response, Persistence persistence,
                     bool to_head_request, std::string_view date);

// A response of a sentence as plain text.
Response plain_response(int status, std::string_view sentence);

}  // namespace eventcollect::http
