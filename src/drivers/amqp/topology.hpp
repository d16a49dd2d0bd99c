// The exchange and the queue that a connection is about.
#pragma once

#include <string>

#include "drivers/amqp/connection.hpp"

namespace eventcollect::amqp {

// Makes the queue as `queue.declare` says, or sees that it is there. Throws ConnectionLost.
void prepare_queue(Connection& connection, const AmqpQueue& queue);

// Sees that the exchange is there, and binds the queue to it unless its declaring is off or it has
// no name. Throws ConnectionLost.
void prepare_exchange(Connection& connection, const std::string& exchange, const AmqpQueue& queue,
                      const std::string& routing_key);

}  // namespace eventcollect::amqp
