// Responses as HTTP/1.1 text.
#pragma once

#include <string>
#include <string_view>

#include "eventcollect/http.hpp"

namespace eventcollect::http {

// Appends the response with Content-Length, and with `Connection: close` if the connection ends
// with it. The answer to a HEAD request has no body, but says how long it would be.
void append_response(std::string& out, const Response& response, bool closes, bool to_head_request);

// A response of a sentence as plain text.
Response plain_response(int status, std::string_view sentence);

}  // namespace eventcollect::http
