#include "drivers/amqp1/connection.hpp"

#include <fmt/format.h>
#include <proton/codec.h>
#include <proton/connection.h>
#include <proton/link.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/ssl.h>
#include <proton/transport.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "drivers/amqp1/options.hpp"
#include "eventcollect/clock.hpp"
#include "eventcollect/uuid.hpp"

namespace eventcollect::amqp1 {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Of what a broker sends ahead so much is held; in frames, in which Proton counts its window.
constexpr std::size_t max_incoming_bytes = std::size_t{64} << 20;
constexpr std::uint32_t max_frame_bytes = 16 << 10;

struct FreeDomain {
  void operator()(pn_ssl_domain_t* domain) const { pn_ssl_domain_free(domain); }
};

}  // namespace

Connection::Connection(const Amqp1Options& options, const Amqp1Host& host, SteadyTime deadline)
    : socket_{host.name, port_of(options, host), deadline} {
  if (pn_connection_driver_init(&driver_, nullptr, nullptr) != 0) throw std::bad_alloc{};
  try {
    configure(options, host);
    bool is_open = false;
    while (!is_open) {
      pn_event_t* event = receive(deadline);
      if (event == nullptr) {
        throw ConnectionLost{Error::unavailable, "the broker did not answer in time"};
      }
      is_open = pn_event_type(event) == PN_SESSION_REMOTE_OPEN;
    }
  } catch (...) {
    pn_connection_driver_destroy(&driver_);
    throw;
  }
}

Connection::~Connection() { pn_connection_driver_destroy(&driver_); }

void Connection::configure(const Amqp1Options& options, const Amqp1Host& host) {
  pn_connection_t* connection = driver_.connection;
  // Brokers reject a second connection of the same name.
  const std::string name = "eventcollect-" + mint_uuid(system_clock().now()).to_string();
  pn_connection_set_container(connection, name.c_str());
  pn_connection_set_hostname(connection, host.name.c_str());
  pn_sasl_t* sasl = pn_sasl(driver_.transport);
  if (!options.user.empty()) {
    pn_connection_set_user(connection, options.user.c_str());
    pn_connection_set_password(connection, options.password.c_str());
  }
  // Nothing else: a broker that offers ANONYMOUS as well would let a wrong password in.
  pn_sasl_allowed_mechs(sasl, options.user.empty() ? "ANONYMOUS" : "PLAIN");
  pn_sasl_set_allow_insecure_mechs(sasl, true);
  if (options.tls) secure(options, host);
  pn_transport_set_idle_timeout(driver_.transport,
                                static_cast<pn_millis_t>(2 * options.heartbeat.count()));
  pn_transport_set_max_frame(driver_.transport, max_frame_bytes);
  if (pn_connection_driver_bind(&driver_) != 0) throw std::bad_alloc{};
  pn_connection_open(connection);
  session_ = pn_session(connection);
  pn_session_set_incoming_capacity(session_, max_incoming_bytes);
  pn_session_open(session_);
}

void Connection::secure(const Amqp1Options& options, const Amqp1Host& host) {
  const std::unique_ptr<pn_ssl_domain_t, FreeDomain> domain{pn_ssl_domain(PN_SSL_MODE_CLIENT)};
  if (!domain) throw std::bad_alloc{};
  if (pn_ssl_domain_set_trusted_ca_db(domain.get(), options.ca_file.c_str()) != 0) {
    throw ConnectionLost{Error::misconfigured,
                         fmt::format("ca_file '{}' cannot be read, or holds no certificate in PEM",
                                     options.ca_file)};
  }
  pn_ssl_t* ssl = pn_ssl(driver_.transport);
  const bool is_ready =
      pn_ssl_domain_set_peer_authentication(domain.get(), PN_SSL_VERIFY_PEER_NAME, nullptr) == 0 &&
      pn_ssl_domain_set_protocols(domain.get(), "TLSv1.2 TLSv1.3") == 0 &&
      pn_ssl_init(ssl, domain.get(), nullptr) == 0 &&
      pn_ssl_set_peer_hostname(ssl, host.name.c_str()) == 0;
  if (!is_ready) throw ConnectionLost{Error::misconfigured, "TLS cannot be set up"};
}

std::string Connection::product() const {
  pn_data_t* properties = pn_connection_remote_properties(driver_.connection);
  pn_data_rewind(properties);
  if (!pn_data_next(properties) || pn_data_type(properties) != PN_MAP) return {};
  pn_data_enter(properties);
  while (pn_data_next(properties)) {
    const pn_bytes_t key = pn_data_get_symbol(properties);
    const bool is_product = std::string_view{key.start, key.size} == "product";
    if (!pn_data_next(properties)) break;
    if (is_product && pn_data_type(properties) == PN_STRING) {
      const pn_bytes_t value = pn_data_get_string(properties);
      return {value.start, value.size};
    }
  }
  return {};
}

pn_event_t* Connection::receive(SteadyTime until) {
  for (bool is_over = false;;) {
    if (pn_event_t* event = pn_connection_driver_next_event(&driver_)) {
      check(event);
      return event;
    }
    if (has_ended_) throw ConnectionLost{Error::unavailable, "the connection was closed"};
    if (is_over) return nullptr;
    is_over = until <= steady_clock::now();
    exchange(until);
  }
}

void Connection::flush(SteadyTime deadline) {
  for (;;) {
    send_some();
    if (pn_connection_driver_write_buffer(&driver_).size == 0) return;
    if (deadline <= steady_clock::now()) {
      throw ConnectionLost{Error::unavailable, "the broker did not take what was sent in time"};
    }
    socket_.wait(false, true, deadline);
  }
}

void Connection::close(SteadyTime deadline) noexcept {
  try {
    pn_connection_close(driver_.connection);
    while (receive(deadline) != nullptr) {
    }
  } catch (...) {
    // The broker's answer ends the connection, and so does whatever else happens now.
  }
}

// Sends and takes what there is; waits for either until then where there is nothing.
void Connection::exchange(SteadyTime until) {
  const SteadyTime next_tick = tick();
  send_some();
  const bool has_output = pn_connection_driver_write_buffer(&driver_).size > 0;
  if (!pn_connection_driver_has_event(&driver_)) {
    socket_.wait(true, has_output, std::min(until, next_tick));
  }
  take_some();
}

// Lets the engine send a heartbeat, or notice that the broker sends none. Returns when to do so
// again.
SteadyTime Connection::tick() {
  const auto now = steady_clock::now();
  const auto now_ms = std::chrono::floor<milliseconds>(now.time_since_epoch());
  const std::int64_t next = pn_transport_tick(driver_.transport, now_ms.count());
  return next == 0 ? SteadyTime::max() : SteadyTime{milliseconds{next}};
}

void Connection::send_some() {
  for (;;) {
    const pn_bytes_t output = pn_connection_driver_write_buffer(&driver_);
    if (output.size == 0) return;
    const ssize_t sent =
        ::send(socket_.descriptor(), output.start, output.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    // Why it fails is in what the broker has sent, if it has said it.
    if (sent < 0) return pn_connection_driver_write_close(&driver_);
    pn_connection_driver_write_done(&driver_, static_cast<std::size_t>(sent));
  }
}

void Connection::take_some() {
  const pn_rwbytes_t input = pn_connection_driver_read_buffer(&driver_);
  const ssize_t got = ::recv(socket_.descriptor(), input.start, input.size, MSG_DONTWAIT);
  if (got > 0) return pn_connection_driver_read_done(&driver_, static_cast<std::size_t>(got));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  pn_connection_driver_read_close(&driver_);
  has_ended_ = true;
}

void Connection::check(pn_event_t* event) const {
  switch (pn_event_type(event)) {
    case PN_TRANSPORT_ERROR:
    case PN_TRANSPORT_CLOSED:
      throw error_of(pn_transport_condition(driver_.transport), "the connection was closed");
    case PN_CONNECTION_REMOTE_CLOSE:
      throw error_of(pn_connection_remote_condition(driver_.connection),
                     "the broker closed the connection");
    case PN_SESSION_REMOTE_CLOSE:
      throw error_of(pn_session_remote_condition(pn_event_session(event)),
                     "the broker ended the session");
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
      if ((pn_link_state(pn_event_link(event)) & PN_LOCAL_CLOSED) != 0) return;
      throw error_of(pn_link_remote_condition(pn_event_link(event)), "the broker ended the link");
    default:
      return;
  }
}

std::unique_ptr<Connection> connect(const Amqp1Options& options, std::size_t& next,
                                    SteadyTime deadline) {
  const auto name_of = [&](const Amqp1Host& host) {
    return fmt::format("{}:{}", host.name, port_of(options, host));
  };
  try {
    return sink::connect_in_turn("amqp1", options.hosts, next, deadline, name_of,
                                 [&](const Amqp1Host& host, SteadyTime until) {
                                   return std::make_unique<Connection>(options, host, until);
                                 });
  } catch (const sink::ConnectionLost& error) {
    throw ConnectionLost{error.kind(), error.reason()};
  }
}

}  // namespace eventcollect::amqp1
