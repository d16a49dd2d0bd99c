// The options of the driver, from URLs and as structs.
#pragma once

#include "eventcollect/amqp.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::amqp {

// All throw ConfigError.
AmqpSinkOptions sink_options_of(const Url& url);
AmqpSourceOptions source_options_of(const Url& url);
void check(const AmqpSinkOptions& options);
void check(const AmqpSourceOptions& options);

}  // namespace eventcollect::amqp
