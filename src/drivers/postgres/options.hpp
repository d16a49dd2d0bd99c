// The options of a URL postgres://….
#pragma once

#include "eventcollect/postgres.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::postgres {

// Throws ConfigError.
PostgresSinkOptions sink_options_of(const Url& url);

}  // namespace eventcollect::postgres
