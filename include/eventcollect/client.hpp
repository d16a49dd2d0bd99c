// The browser client as one more route of any backend, beside the one of the endpoint:
//
//   GET /events/client.js   ->   client_response(request)
//   <script src="/events/client.js" defer></script>
//
// It sends its events to the folder that it was loaded from, here /events. What it does is in
// src/client/README.md. For cpp-httplib there is mount_client() in httplib_client.hpp.
#pragma once

#include <string>
#include <string_view>

#include "eventcollect/http.hpp"

namespace eventcollect {

// Where the client of the endpoint at `events_path` is served: "/events/client.js".
std::string client_path(std::string_view events_path);

// The answer to any method: to all but GET and HEAD it is 405. Of `request` it reads `method`,
// `query` and `if_none_match`: browsers ask again at each visit, and get 304 where nothing has
// changed. What was asked for with `?v=` and client_version() may be kept for a year. Safe from any
// thread.
Response client_response(const Request& request);

// Changes whenever the client does.
std::string_view client_version();

}  // namespace eventcollect
