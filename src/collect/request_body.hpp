// The body of a request: its type, its coding, its size.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/collector.hpp"
#include "eventcollect/http.hpp"

namespace eventcollect::collect {

// Stays where it is: `text` is a view into the request or into `inflated`.
struct RequestBody {
  std::string_view text;
  BodyFormat format = BodyFormat::json;
  std::string inflated;
};

// The response where the type or the coding is not supported.
std::optional<Response> check_body_headers(const Request& request);

// Fills `body` from a request that check_body_headers() has passed, or returns the response that
// says what is wrong. `max_bytes` bounds the body before and after it is inflated.
std::optional<Response> read_body(const Request& request, std::size_t max_bytes, RequestBody& body);

Response body_too_large(std::size_t max_bytes);

}  // namespace eventcollect::collect
