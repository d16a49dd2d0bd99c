// The live page's routes, and the way to it from the demo page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/host_port.hpp"
#include "http/response.hpp"
#include "live/page.hpp"
#include "server/site.hpp"

namespace eventcollect::server {

// `page` has to outlive them.
std::vector<Route> live_routes(const live::Page& page);

// What takes the place of <!--live--> in the demo page that is served at `public_host`. Empty where
// the page or the live page is for other machines: there the link would lead to the reader's own.
std::string live_link(const http::HostPort& admin, const std::string& public_host);

// `page` with the link in that place, if there is a link and such a place.
http::SharedBody with_live_link(http::SharedBody page, std::string_view link);

}  // namespace eventcollect::server
