// What no broker here can be made to say: outcomes of single messages, a maximum size, a target
// that is not a queue.
//
//   const ScriptedBroker broker{{.outcome_of = [](std::string_view body) { … }}};
//   const auto sink = open_sink(broker.url());
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <proton/codec.h>
#include <proton/connection.h>
#include <proton/connection_driver.h>
#include <proton/delivery.h>
#include <proton/event.h>
#include <proton/link.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/terminus.h>
#include <proton/transport.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "drivers/amqp1/message.hpp"

namespace eventcollect::test {

struct ScriptedOutcome {
  std::uint64_t state = PN_ACCEPTED;
  const char* condition = "";  // of a rejection
};

struct Script {
  std::function<ScriptedOutcome(std::string_view body)> outcome_of = [](std::string_view) {
    return ScriptedOutcome{};
  };
  std::uint64_t max_message_bytes = 0;  // 0: none is announced
  bool offers_queue = true;
  // The outcome of the first two messages comes unsettled and then once more, settled, in one piece
  // of bytes; that of all others never comes.
  bool repeats_two = false;
};

// Serves one connection at a time, with senders of the other side. Connections have to end before
// it does.
class ScriptedBroker {
 public:
  explicit ScriptedBroker(Script script) : script_{std::move(script)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_, any, size) == 0);
    REQUIRE(::listen(listener_, 1) == 0);
    REQUIRE(::getsockname(listener_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }
  ~ScriptedBroker() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  ScriptedBroker(const ScriptedBroker&) = delete;
  ScriptedBroker& operator=(const ScriptedBroker&) = delete;

  std::string url() const { return "amqp1://127.0.0.1:" + std::to_string(port_); }

 private:
  void serve() {
    for (;;) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      talk(socket);
      ::close(socket);
    }
  }

  void talk(int socket) {
    pn_connection_driver_t driver;
    pn_connection_driver_init(&driver, nullptr, nullptr);
    pn_transport_set_server(driver.transport);
    pn_sasl_allowed_mechs(pn_sasl(driver.transport), "ANONYMOUS");
    pn_connection_driver_bind(&driver);
    while (!pn_connection_driver_finished(&driver)) exchange(driver, socket);
    pn_connection_driver_destroy(&driver);
  }

  void exchange(pn_connection_driver_t& driver, int socket) {
    while (pn_event_t* event = pn_connection_driver_next_event(&driver)) handle(event);
    std::string output = output_of(driver);
    if (repeated_.size() == 2) {
      for (pn_delivery_t* delivery : repeated_) pn_delivery_settle(delivery);
      repeated_.push_back(nullptr);
      output += output_of(driver);
    }
    if (!output.empty()) {
      const ssize_t sent = ::send(socket, output.data(), output.size(), MSG_NOSIGNAL);
      if (sent != static_cast<ssize_t>(output.size())) pn_connection_driver_close(&driver);
      return;
    }
    const pn_rwbytes_t input = pn_connection_driver_read_buffer(&driver);
    const ssize_t got = ::recv(socket, input.start, input.size, 0);
    if (got <= 0) return pn_connection_driver_close(&driver);
    pn_connection_driver_read_done(&driver, static_cast<std::size_t>(got));
  }

  static std::string output_of(pn_connection_driver_t& driver) {
    std::string output;
    for (;;) {
      const pn_bytes_t more = pn_connection_driver_write_buffer(&driver);
      if (more.size == 0) return output;
      output.append(more.start, more.size);
      pn_connection_driver_write_done(&driver, more.size);
    }
  }

  void handle(pn_event_t* event) {
    switch (pn_event_type(event)) {
      case PN_CONNECTION_REMOTE_OPEN:
        return pn_connection_open(pn_event_connection(event));
      case PN_SESSION_REMOTE_OPEN:
        return pn_session_open(pn_event_session(event));
      case PN_LINK_REMOTE_OPEN:
        return attach(pn_event_link(event));
      case PN_DELIVERY:
        return settle(pn_event_delivery(event));
      case PN_CONNECTION_REMOTE_CLOSE:
        return pn_connection_close(pn_event_connection(event));
      default:
        return;
    }
  }

  void attach(pn_link_t* link) const {
    pn_terminus_t* target = pn_link_target(link);
    pn_terminus_copy(target, pn_link_remote_target(link));
    if (!script_.offers_queue) pn_data_clear(pn_terminus_capabilities(target));
    pn_link_set_max_message_size(link, script_.max_message_bytes);
    pn_link_open(link);
    pn_link_flow(link, 1'000);
  }

  void settle(pn_delivery_t* delivery) {
    if (pn_delivery_partial(delivery)) return;
    std::string encoded(pn_delivery_pending(delivery), '\0');
    pn_link_recv(pn_delivery_link(delivery), encoded.data(), encoded.size());
    if (script_.repeats_two) {
      pn_link_advance(pn_delivery_link(delivery));
      if (repeated_.size() >= 2) return;
      repeated_.push_back(delivery);
      return pn_delivery_update(delivery, PN_ACCEPTED);
    }
    const ScriptedOutcome outcome = script_.outcome_of(amqp1::body_of(encoded));
    if (outcome.state == PN_REJECTED) {
      pn_condition_set_name(pn_disposition_condition(pn_delivery_local(delivery)),
                            outcome.condition);
    }
    pn_delivery_update(delivery, outcome.state);
    pn_link_advance(pn_delivery_link(delivery));
    pn_delivery_settle(delivery);
  }

  Script script_;
  std::vector<pn_delivery_t*> repeated_;
  int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace eventcollect::test
