#include "drivers/amqp1/link.hpp"

#include <fmt/format.h>
#include <proton/codec.h>
#include <proton/connection.h>
#include <proton/terminus.h>

#include <string_view>

namespace eventcollect::amqp1 {
namespace {

constexpr std::string_view queue_capability = "queue";
constexpr std::string_view plugin_prefix = "/amq/queue/";

bool is_rabbitmq(const Connection& connection) { return connection.product() == "RabbitMQ"; }

void check_address(const Connection& connection, const std::string& queue) {
  if (!is_rabbitmq(connection) || queue.starts_with(plugin_prefix)) return;
  throw ConnectionLost{
      Error::misconfigured,
      fmt::format(
          "the broker is RabbitMQ, whose plugin for AMQP 1.0 would make no durable queue of "
          "'{}': use the scheme amqp, or queue={}NAME for a durable queue that exists",
          queue, plugin_prefix)};
}

void ask_for_queue(pn_terminus_t* terminus, const std::string& queue) {
  pn_terminus_set_address(terminus, queue.c_str());
  pn_data_t* capabilities = pn_terminus_capabilities(terminus);
  pn_data_put_symbol(capabilities, pn_bytes(queue_capability.size(), queue_capability.data()));
}

bool is_queue(pn_data_t* data) {
  if (pn_data_type(data) != PN_SYMBOL) return false;
  const pn_bytes_t symbol = pn_data_get_symbol(data);
  return std::string_view{symbol.start, symbol.size} == queue_capability;
}

// One capability, or an array of them.
bool offers_queue(pn_terminus_t* terminus) {
  pn_data_t* capabilities = pn_terminus_capabilities(terminus);
  pn_data_rewind(capabilities);
  if (!pn_data_next(capabilities)) return false;
  if (pn_data_type(capabilities) != PN_ARRAY) return is_queue(capabilities);
  pn_data_enter(capabilities);
  while (pn_data_next(capabilities)) {
    if (is_queue(capabilities)) return true;
  }
  return false;
}

// Waits for an answer that is true to its name. A broker that denies the link attaches it without
// an address, and detaches it with the reason: receive() throws that.
void wait_until_attached(Connection& connection, pn_link_t* link, pn_terminus_t* remote,
                         SteadyTime deadline) {
  for (;;) {
    const bool is_open = (pn_link_state(link) & PN_REMOTE_ACTIVE) != 0;
    if (is_open && pn_terminus_get_address(remote) != nullptr) return;
    if (connection.receive(deadline) == nullptr) {
      throw ConnectionLost{Error::unavailable, "the broker did not attach the link in time"};
    }
  }
}

void attach(Connection& connection, pn_link_t* link, pn_terminus_t* local, pn_terminus_t* remote,
            const std::string& queue, SteadyTime deadline) {
  ask_for_queue(local, queue);
  pn_link_set_snd_settle_mode(link, PN_SND_UNSETTLED);
  pn_link_set_rcv_settle_mode(link, PN_RCV_FIRST);
  pn_link_open(link);
  try {
    wait_until_attached(connection, link, remote, deadline);
  } catch (const ConnectionLost& error) {
    throw ConnectionLost{error.kind(), fmt::format("queue '{}': {}", queue, error.reason())};
  }
  // The plugin says nothing of what it has attached to; its address does.
  if (is_rabbitmq(connection) || offers_queue(remote)) return;
  throw ConnectionLost{
      Error::misconfigured,
      fmt::format("the broker offers no queue '{}': what it has of that name may drop events, as "
                  "a topic without a consumer does",
                  queue)};
}

}  // namespace

pn_link_t* attach_receiver(Connection& connection, const std::string& queue, SteadyTime deadline) {
  check_address(connection, queue);
  pn_link_t* link = pn_receiver(connection.session(), "events-out");
  attach(connection, link, pn_link_source(link), pn_link_remote_source(link), queue, deadline);
  return link;
}

pn_link_t* attach_sender(Connection& connection, const std::string& queue, SteadyTime deadline) {
  if (is_rabbitmq(connection)) {
    // The plugin accepts what goes to a queue that does not exist. It denies to read from one.
    pn_link_close(attach_receiver(connection, queue, deadline));
  }
  pn_link_t* link = pn_sender(connection.session(), "events-in");
  attach(connection, link, pn_link_target(link), pn_link_remote_target(link), queue, deadline);
  return link;
}

}  // namespace eventcollect::amqp1
