// The options of the driver, from URLs and as a struct.
#pragma once

#include <string>

#include "eventcollect/amqp1.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::amqp1 {

// Both throw ConfigError.
Amqp1Options options_of(const Url& url);
void check(const Amqp1Options& options);

std::uint16_t port_of(const Amqp1Options& options, const Amqp1Host& host);

}  // namespace eventcollect::amqp1
