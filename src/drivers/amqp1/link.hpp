// The way into a queue, or out of it.
#pragma once

#include <proton/link.h>

#include <string>

#include "drivers/amqp1/connection.hpp"

namespace eventcollect::amqp1 {

// Both see that the broker has attached the link to a queue of that name, and throw ConnectionLost.
// The link lives as long as the connection.
pn_link_t* attach_sender(Connection& connection, const std::string& queue, SteadyTime deadline);
pn_link_t* attach_receiver(Connection& connection, const std::string& queue, SteadyTime deadline);

}  // namespace eventcollect::amqp1
