#include "http/response.hpp"

#include "base/format.hpp"

namespace eventcollect::http {

using base::append_format;

namespace {

// RFC 9110, section 15, as far as we send them.
std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

}  // namespace

void append_head(std::string& out, const Response& response, std::size_t body_bytes,
                 Persistence persistence, std::string_view date) {
  append_format(out, "HTTP/1.1 {} {}\r\nDate: {}\r\nX-Content-Type-Options: nosniff\r\n",
                response.status, reason_of(response.status), date);
  for (const auto& [name, value] : response.headers) {
    append_format(out, "{}: {}\r\n", name, value);
  }
  // These two have no body, and so no length of one (RFC 9110, section 8.6).
  const bool has_body = response.status != 204 && response.status != 304;
  if (has_body) append_format(out, "Content-Length: {}\r\n", body_bytes);
  if (persistence == Persistence::close) out += "Connection: close\r\n";
  if (persistence == Persistence::keep_alive) out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

Response plain_response(int status, std::string_view sentence) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::string{sentence} + '\n'};
}

}  // namespace eventcollect::http
