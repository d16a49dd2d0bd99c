// Requests that have come whole, answered by cpp-httplib's handlers without its sockets and
// threads.
#pragma once

#include <httplib.h>

#include <string>
#include <string_view>

#include "eventcollect/endpoint.hpp"

namespace eventcollect {

// Add handlers with Get() and so on; listen() is not for it. Safe from any thread once that is
// done.
class HttplibBridge : public httplib::Server {
 public:
  HttplibBridge();

  // The response of the handler that fits a request without a body, whose head is `head_text`.
  Response answer(std::string_view head_text, std::string_view peer);

 private:
  template <typename Self>
  static void process(Self& self, httplib::Stream& stream);
};

}  // namespace eventcollect
