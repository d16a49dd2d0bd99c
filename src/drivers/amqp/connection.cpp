#include "drivers/amqp/connection.hpp"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <fmt/format.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <new>

namespace eventcollect::amqp {

namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int max_frame_bytes = 131'072;

timeval time_left(SteadyTime deadline) {
  const auto left = std::max<std::chrono::microseconds>(
      std::chrono::duration_cast<std::chrono::microseconds>(deadline - steady_clock::now()), 0us);
  timeval time{};
  time.tv_sec = static_cast<time_t>(left / 1s);
  time.tv_usec = static_cast<suseconds_t>((left % 1s).count());
  return time;
}

amqp_table_entry_t flag(std::string_view name) {
  amqp_table_entry_t entry{};
  entry.key = bytes_of(name);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

int port_of(const AmqpBroker& broker, const AmqpHost& host) {
  if (host.port != 0) return host.port;
  return broker.tls ? 5671 : 5672;
}

bool is_not_found(const amqp_rpc_reply_t& reply) {
  return reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
         reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD &&
         static_cast<const amqp_channel_close_t*>(reply.reply.decoded)->reply_code ==
             AMQP_NOT_FOUND;
}

}  // namespace

Connection::Connection(const AmqpBroker& broker, const AmqpHost& host, SteadyTime deadline)
    : state_{amqp_new_connection()} {
  if (!state_) throw std::bad_alloc{};
  open_socket(broker, host, deadline);
  watchdog_.emplace(amqp_get_sockfd(state_.get()));
  const Watch until = watch(deadline);
  log_in(broker);
  ask([](auto* state) { return amqp_channel_open(state, channel); });
}

void Connection::open_socket(const AmqpBroker& broker, const AmqpHost& host, SteadyTime deadline) {
  amqp_socket_t* socket =
      broker.tls ? amqp_ssl_socket_new(state_.get()) : amqp_tcp_socket_new(state_.get());
  if (socket == nullptr) throw std::bad_alloc{};
  if (broker.tls) {
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
    if (amqp_ssl_socket_set_cacert(socket, broker.ca_file.c_str()) != AMQP_STATUS_OK) {
      throw ConnectionLost{
          Error::misconfigured,
          fmt::format("ca_file '{}' cannot be read, or holds no certificate in PEM",
                      broker.ca_file)};
    }
  }
  const timeval left = time_left(deadline);
  const int status =
      amqp_socket_open_noblock(socket, host.name.c_str(), port_of(broker, host), &left);
  if (status == AMQP_STATUS_SOCKET_ERROR) {
    throw ConnectionLost{Error::unavailable, "no connection could be made"};
  }
  if (status != AMQP_STATUS_OK) fail(status);
}

void Connection::log_in(const AmqpBroker& broker) {
  std::array capabilities{flag("connection.blocked"), flag("basic.nack"),
                          flag("consumer_cancel_notify"), flag("publisher_confirms")};
  std::array<amqp_table_entry_t, 2> properties{};
  properties[0].key = bytes_of("capabilities");
  properties[0].value.kind = AMQP_FIELD_KIND_TABLE;
  properties[0].value.value.table = {static_cast<int>(capabilities.size()), capabilities.data()};
  properties[1].key = bytes_of("connection_name");
  properties[1].value.kind = AMQP_FIELD_KIND_UTF8;
  properties[1].value.value.bytes = bytes_of("eventcollect");
  const amqp_table_t table{static_cast<int>(properties.size()), properties.data()};

  const amqp_rpc_reply_t reply = amqp_login_with_properties(
      state_.get(), broker.virtual_host.c_str(), AMQP_DEFAULT_MAX_CHANNELS, max_frame_bytes,
      static_cast<int>(broker.heartbeat.count()), &table, AMQP_SASL_METHOD_PLAIN,
      broker.user.c_str(), broker.password.c_str());
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail(reply);
}

bool Connection::has_queue(std::string_view name) {
  // The broker closes the channel where there is none: so this takes another one.
  constexpr amqp_channel_t aside = channel + 1;
  ask([](auto* state) { return amqp_channel_open(state, aside); });
  amqp_queue_declare(state_.get(), aside, bytes_of(name), 1, 0, 0, 0, amqp_empty_table);
  const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_.get());
  if (is_not_found(reply)) {
    send([](auto* state) {
      amqp_channel_close_ok_t close_ok{};
      return amqp_send_method(state, aside, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok);
    });
    return false;
  }
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail(reply);
  const amqp_rpc_reply_t closed = amqp_channel_close(state_.get(), aside, AMQP_REPLY_SUCCESS);
  if (closed.reply_type != AMQP_RESPONSE_NORMAL) fail(closed);
  return true;
}

Watch Connection::watch(SteadyTime deadline) {
  const timeval left = time_left(deadline);
  amqp_set_handshake_timeout(state_.get(), &left);
  amqp_set_rpc_timeout(state_.get(), &left);
  // What has a deadline of its own is not to be bitten while it returns.
  constexpr auto grace = 100ms;
  return Watch{*watchdog_, deadline + grace};
}

bool Connection::receive(amqp_frame_t& frame, SteadyTime until) {
  amqp_maybe_release_buffers(state_.get());
  const timeval left = time_left(until);
  const int status = amqp_simple_wait_frame_noblock(state_.get(), &frame, &left);
  if (status == AMQP_STATUS_TIMEOUT) return false;
  if (status != AMQP_STATUS_OK) fail(status);
  if (frame.frame_type == AMQP_FRAME_METHOD) handle(frame);
  return true;
}

void Connection::handle(const amqp_frame_t& frame) {
  const amqp_method_t& method = frame.payload.method;
  switch (method.id) {
    case AMQP_CHANNEL_CLOSE_METHOD:
    case AMQP_CONNECTION_CLOSE_METHOD:
      throw error_of_close(method);
    case AMQP_CONNECTION_BLOCKED_METHOD:
      blocked_ = text_of(static_cast<const amqp_connection_blocked_t*>(method.decoded)->reason);
      break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      blocked_.reset();
      break;
    default:
      break;
  }
}

void Connection::close(SteadyTime deadline) noexcept {
  const Watch until = watch(deadline);
  amqp_connection_close(state_.get(), AMQP_REPLY_SUCCESS);
}

void Connection::fail(int status) {
  const bool is_late = status == AMQP_STATUS_TIMEOUT || (watchdog_ && watchdog_->has_bitten());
  if (is_late) throw ConnectionLost{Error::unavailable, "the broker did not answer in time"};
  throw error_of_status(status);
}

void Connection::fail(const amqp_rpc_reply_t& reply) {
  if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) throw error_of_close(reply.reply);
  fail(reply.library_error);
}

std::unique_ptr<Connection> connect(const AmqpBroker& broker, std::size_t& next,
                                    SteadyTime deadline) {
  const auto name_of = [&](const AmqpHost& host) {
    return fmt::format("{}:{}", host.name, port_of(broker, host));
  };
  try {
    return sink::connect_in_turn("amqp", broker.hosts, next, deadline, name_of,
                                 [&](const AmqpHost& host, SteadyTime until) {
                                   return std::make_unique<Connection>(broker, host, until);
                                 });
  } catch (const sink::ConnectionLost& error) {
    throw ConnectionLost{error.kind(), error.reason()};
  }
}

}  // namespace eventcollect::amqp
