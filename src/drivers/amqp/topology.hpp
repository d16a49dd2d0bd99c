// The exchange and the queue that a connection is about.
#pragma once

#include <chrono>
#include <string>

#include "drivers/amqp/connection.hpp"

namespace eventcollect::amqp {

// RabbitMQ 3.10 keeps what it knows of a new queue in memory for up to two seconds: killed before
// it is written, the broker comes back without the queue and all that it has confirmed in it. No
// answer tells when it is written, so a sink waits this long before it writes to a new queue.
inline constexpr std::chrono::seconds new_queue_wait{5};

// Whether prepare_queue() has to make the queue or its dead-letter queue. Throws ConnectionLost.
bool is_missing(Connection& connection, const AmqpQueue& queue);

// Makes the queue as `queue.declare` says, or sees that it is there. Throws ConnectionLost.
void prepare_queue(Connection& connection, const AmqpQueue& queue);

// Sees that the exchange is there, and binds the queue to it unless its declaring is off or it has
// no name. Throws ConnectionLost.
void prepare_exchange(Connection& connection, const std::string& exchange, const AmqpQueue& queue,
                      const std::string& routing_key);

}  // namespace eventcollect::amqp
