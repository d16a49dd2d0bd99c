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

  // The response of the handler for this method and path. It sees no headers: what cpp-httplib
  // makes of Range, say, would have no bound.
  Response answer(std::string_view method, std::string_view path);

 private:
  template <typename Self>
  static void process(Self& self, httplib::Stream& stream);
};

}  // namespace eventcollect
