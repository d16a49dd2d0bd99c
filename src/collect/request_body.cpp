#include "collect/request_body.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/ascii.hpp"
#include "base/encoding.hpp"
#include "base/inflate.hpp"
#include "collect/responses.hpp"
#include "eventcollect/codes.hpp"

namespace eventcollect::collect {

using base::equals_ignoring_case;
using base::inflate_gzip;
using base::Inflated;
using base::skip_byte_order_mark;
using base::trim_blanks;

namespace {

// What a Content-Type says of the body's format.
enum class MediaType : std::uint8_t { absent, json, ndjson, other };

// NDJSON goes by several names, none of them registered.
bool is_ndjson(std::string_view type) {
  constexpr std::array names{"ndjson", "jsonl", "jsonlines", "ldjson"};
  const std::size_t slash = std::min(type.find('/'), type.size());
  const std::string_view tree = type.substr(0, slash);
  if (!equals_ignoring_case(tree, "application") && !equals_ignoring_case(tree, "text"))
    return false;
  std::string_view name = type.substr(std::min(slash + 1, type.size()));
  if (equals_ignoring_case(name.substr(0, 2), "x-")) name.remove_prefix(2);
  return std::any_of(names.begin(), names.end(),
                     [&](const char* known) { return equals_ignoring_case(name, known); });
}

MediaType media_type(std::string_view content_type) {
  const std::string_view type = trim_blanks(content_type.substr(0, content_type.find(';')));
  if (type.empty()) return MediaType::absent;
  // sendBeacon sends a string as text/plain.
  if (equals_ignoring_case(type, "application/json") || equals_ignoring_case(type, "text/plain")) {
    return MediaType::json;
  }
  return is_ndjson(type) ? MediaType::ndjson : MediaType::other;
}

// Whether a body without a type is NDJSON: an object on its first line and another behind it, which
// no JSON text begins with.
bool looks_like_ndjson(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  text = skip_byte_order_mark(text);
  text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
  const std::size_t feed = std::min(text.find('\n'), text.size());
  const std::size_t last = text.substr(0, feed).find_last_not_of(space);
  const std::size_t next = text.find_first_not_of(space, feed);
  return last != std::string_view::npos && next != std::string_view::npos && text[last] == '}' &&
         text[next] == '{';
}

BodyFormat format_of(MediaType type, std::string_view text) {
  const bool is_ndjson =
      type == MediaType::ndjson || (type == MediaType::absent && looks_like_ndjson(text));
  return is_ndjson ? BodyFormat::ndjson : BodyFormat::json;
}

// Real events inflate 5 to 20 times, so what inflates far more is not worth the work.
constexpr std::size_t max_inflate_ratio = 100;
constexpr std::size_t free_inflated_bytes = 64 << 10;  // at any ratio
// The codings of a Content-Encoding, which is a list; "identity" is none.
enum class Coding : std::uint8_t { none, gzip, other };

Coding coding_of(std::string_view content_encoding) {
  Coding coding = Coding::none;
  while (!content_encoding.empty()) {
    const std::size_t comma = std::min(content_encoding.find(','), content_encoding.size());
    const std::string_view name = trim_blanks(content_encoding.substr(0, comma));
    content_encoding.remove_prefix(std::min(comma + 1, content_encoding.size()));
    if (name.empty() || equals_ignoring_case(name, "identity")) continue;
    const bool is_gzip = equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip");
    if (!is_gzip || coding != Coding::none) return Coding::other;
    coding = Coding::gzip;
  }
  return coding;
}

bool begins_as_gzip(std::string_view body) { return body.starts_with("\x1f\x8b"); }

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
  if (media_type(request.content_type) == MediaType::other) {
    return problem(415, code::content_type_unsupported, "Unsupported media type",
                   "The Content-Type must be application/json, text/plain (containing JSON), "
                   "application/x-ndjson or another name of NDJSON, or absent.");
  }
  if (coding_of(request.content_encoding) == Coding::other) {
    return problem(415, code::content_encoding_unsupported, "Unsupported content coding",
                   "The Content-Encoding must be gzip or absent.");
  }
  return {};
}

std::optional<Response> read_body(const Request& request, std::size_t max_bytes,
                                  RequestBody& body) {
  body.text = request.body;
  if (request.body.size() > max_bytes) return body_too_large(max_bytes);
  const bool is_coded = coding_of(request.content_encoding) == Coding::gzip;
  const bool is_inflated = is_coded && request.body_is_decoded;
  if (!is_inflated && (is_coded || begins_as_gzip(request.body))) {
    if (auto wrong = inflate_body(request.body, max_bytes, body)) return wrong;
  }
  body.format = format_of(media_type(request.content_type), body.text);
  return {};
}

Response body_too_large(std::size_t max_bytes) {
  return problem(413, code::body_too_large, "Content too large",
                 fmt::format("The body must not exceed {} bytes, inflated or not.", max_bytes));
}

}  // namespace eventcollect::collect
