// The options of a URL mysql://….
#pragma once

#include "eventcollect/mysql.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::mysql {

// Throws ConfigError.
MysqlSinkOptions sink_options_of(const Url& url);

// Throws ConfigError where they cannot be right on any server.
void check(const MysqlSinkOptions& options);

}  // namespace eventcollect::mysql
