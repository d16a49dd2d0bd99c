#include "drivers/amqp/topology.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

namespace eventcollect::amqp {
namespace {

amqp_table_entry_t entry(std::string_view name, std::string_view value) {
  amqp_table_entry_t entry{};
  entry.key = bytes_of(name);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = bytes_of(value);
  return entry;
}

std::vector<amqp_table_entry_t> arguments_of(const AmqpQueue& queue, bool has_dead_letter) {
  const bool is_quorum = queue.declare == AmqpDeclare::quorum;
  std::vector<amqp_table_entry_t> arguments{entry("x-queue-type", is_quorum ? "quorum" : "classic"),
                                            entry("x-overflow", "reject-publish")};
  if (has_dead_letter) {
    arguments.push_back(entry("x-dead-letter-exchange", ""));
    arguments.push_back(entry("x-dead-letter-routing-key", queue.dead_letter));
    // Else a dead letter could be lost on its way.
    if (is_quorum) arguments.push_back(entry("x-dead-letter-strategy", "at-least-once"));
  }
  return arguments;
}

void declare(Connection& connection, const AmqpQueue& queue, bool has_dead_letter) {
  auto arguments = arguments_of(queue, has_dead_letter);
  const amqp_table_t table{static_cast<int>(arguments.size()), arguments.data()};
  connection.ask([&](auto* state) {
    return amqp_queue_declare(state, channel, bytes_of(queue.name), 0, 1, 0, 0, table);
  });
}

void declare_with_dead_letter(Connection& connection, const AmqpQueue& queue) {
  if (!queue.dead_letter.empty()) {
    AmqpQueue dead = queue;
    dead.name = queue.dead_letter;
    declare(connection, dead, false);
  }
  declare(connection, queue, !queue.dead_letter.empty());
}

}  // namespace

bool is_missing(Connection& connection, const AmqpQueue& queue) {
  if (queue.declare == AmqpDeclare::off) return false;
  if (!connection.has_queue(queue.name)) return true;
  return !queue.dead_letter.empty() && !connection.has_queue(queue.dead_letter);
}

void prepare_queue(Connection& connection, const AmqpQueue& queue) {
  const bool is_made_elsewhere = queue.declare == AmqpDeclare::off;
  try {
    if (!is_made_elsewhere) return declare_with_dead_letter(connection, queue);
    connection.ask([&](auto* state) {
      return amqp_queue_declare(state, channel, bytes_of(queue.name), 1, 0, 0, 0, amqp_empty_table);
    });
  } catch (const ConnectionLost& error) {
    if (error.kind() != Error::misconfigured) throw;
    throw ConnectionLost{
        error.kind(),
        fmt::format("{} ({})", error.reason(),
                    is_made_elsewhere
                        ? "with declare=off the queue has to be there"
                        : "a queue of another kind is taken as it is with declare=off")};
  }
}

void prepare_exchange(Connection& connection, const std::string& exchange, const AmqpQueue& queue,
                      const std::string& routing_key) {
  connection.ask([&](auto* state) {
    return amqp_exchange_declare(state, channel, bytes_of(exchange), amqp_empty_bytes, 1, 0, 0, 0,
                                 amqp_empty_table);
  });
  if (queue.name.empty() || queue.declare == AmqpDeclare::off) return;
  connection.ask([&](auto* state) {
    return amqp_queue_bind(state, channel, bytes_of(queue.name), bytes_of(exchange),
                           bytes_of(routing_key), amqp_empty_table);
  });
}

}  // namespace eventcollect::amqp
