// The address of a page as a browser gives it: `url` and `referrer`.
#pragma once

#include <string>
#include <string_view>

#include "eventcollect/rules.hpp"

namespace eventcollect::event {

// `address` without the query or fragment that the rules say to drop. The result is a view into
// `address`, or into `scratch`, which may be what `address` views.
std::string_view strip_page_url(std::string_view address, const Rules& rules, std::string& scratch);

}  // namespace eventcollect::event
