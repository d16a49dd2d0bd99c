// What an operator should know of how a connection is encrypted.
#pragma once

#include <string>

namespace eventcollect::programs {

// One sentence for a URL of Postgres that leaves it to the server of another machine whether the
// connection is encrypted; else nothing. `url` has to be one that open_sink() takes.
std::string encryption_notice(const std::string& url);

}  // namespace eventcollect::programs
