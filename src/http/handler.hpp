// What answers the requests of a front.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "eventcollect/http.hpp"
#include "http/response.hpp"

namespace eventcollect::http {

// Its functions are called on the front's threads and must not block. A request is a view that ends
// when the function returns. If one throws, the front answers with 503 in its place.
class Handler {
 public:
  virtual ~Handler() = default;

  // The answer to a request whose body is not wanted: the body is drained and the connection
  // closed. Nothing where the body is wanted.
  virtual std::optional<Answer> before_body(const Request& request) = 0;

  virtual std::size_t max_body_bytes() const = 0;
  virtual Response too_large(const Request& request) = 0;

  // Answers a request that before_body() admitted, now that its body is complete. Calls `respond`
  // once, from any thread, now or later.
  virtual void handle(const Request& request, std::function<void(Response)> respond) = 0;
};

}  // namespace eventcollect::http
