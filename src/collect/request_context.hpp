// What the server stores about a request beside its events.
#pragma once

#include <string>

#include "collect/trusted_proxies.hpp"
#include "eventcollect/endpoint.hpp"

namespace eventcollect::collect {

// A JSON object of the wanted fields that the request has; empty where it has none of them.
std::string request_context(const Request& request, const ContextFields& wanted, const Rules& rules,
                            const TrustedProxies& proxies);

}  // namespace eventcollect::collect
