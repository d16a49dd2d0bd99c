// The options of a URL sqlite:FILE.
#pragma once

#include "eventcollect/sqlite.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::sqlite {

// Throws ConfigError, also where the URL names something else than a file.
SqliteSinkOptions sink_options_of(const Url& url);

}  // namespace eventcollect::sqlite
