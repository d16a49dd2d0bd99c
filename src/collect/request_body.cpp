#include "collect/request_body.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.hpp"
#include "base/inflate.hpp"
#include "collect/responses.hpp"
#include "eventcollect/codes.hpp"

namespace eventcollect::collect {

using base::equals_ignoring_case;
using base::inflate_gzip;
using base::Inflated;
using base::trim_blanks;

namespace {

std::optional<BodyFormat> format_of(std::string_view content_type) {
  const std::string_view type = trim_blanks(content_type.substr(0, content_type.find(';')));
  // sendBeacon sends a string as text/plain.
  if (equals_ignoring_case(type, "application/json") || equals_ignoring_case(type, "text/plain")) {
    return BodyFormat::json;
  }
  if (equals_ignoring_case(type, "application/x-ndjson")) return BodyFormat::ndjson;
  return {};
}

bool is_gzip(std::string_view content_encoding) {
  return equals_ignoring_case(content_encoding, "gzip") ||
         equals_ignoring_case(content_encoding, "x-gzip");
}

bool is_identity(std::string_view content_encoding) {
  return content_encoding.empty() || equals_ignoring_case(content_encoding, "identity");
}

// Real events inflate 5 to 20 times, so what inflates far more is not worth the work.
constexpr std::size_t max_inflate_ratio = 100;
constexpr std::size_t free_inflated_bytes = 64 << 10;  // at any ratio

std::optional<Response> inflate_body(std::string_view coded, std::size_t max_bytes,
                                     RequestBody& body) {
  const std::size_t max_by_ratio = free_inflated_bytes + max_inflate_ratio * coded.size();
  switch (inflate_gzip(coded, std::min(max_bytes, max_by_ratio), body.inflated)) {
    case Inflated::whole:
      body.text = body.inflated;
      return {};
    case Inflated::too_large:
      if (max_bytes <= max_by_ratio) return body_too_large(max_bytes);
      return problem(
          413, code::body_too_large, "Content too large",
          fmt::format("The body must not inflate to more than {} times its size and {} bytes.",
                      max_inflate_ratio, free_inflated_bytes));
    case Inflated::damaged:
      break;
  }
  return problem(400, code::body_not_gzip, "Bad request",
                 "The body is not gzip, or it is damaged or truncated.");
}

}  // namespace

std::optional<Response> check_body_headers(const Request& request) {
  if (!format_of(request.content_type)) {
    return problem(415, code::content_type_unsupported, "Unsupported media type",
                   "The Content-Type must be application/json, text/plain (containing JSON) or "
                   "application/x-ndjson.");
  }
  if (!is_identity(request.content_encoding) && !is_gzip(request.content_encoding)) {
    return problem(415, code::content_encoding_unsupported, "Unsupported content coding",
                   "The Content-Encoding must be gzip or absent.");
  }
  return {};
}

std::optional<Response> read_body(const Request& request, std::size_t max_bytes,
                                  RequestBody& body) {
  body.format = *format_of(request.content_type);
  body.text = request.body;
  if (request.body.size() > max_bytes) return body_too_large(max_bytes);
  if (request.body_is_decoded || !is_gzip(request.content_encoding)) return {};
  return inflate_body(request.body, max_bytes, body);
}

Response body_too_large(std::size_t max_bytes) {
  return problem(413, code::body_too_large, "Content too large",
                 fmt::format("The body must not exceed {} bytes, inflated or not.", max_bytes));
}

}  // namespace eventcollect::collect
