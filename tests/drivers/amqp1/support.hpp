// The brokers, and a client that sees and does what the driver does not.
#pragma once

#include <doctest/doctest.h>
#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/disposition.h>
#include <proton/link.h>
#include <proton/session.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/amqp1/arrival.hpp"
#include "drivers/amqp1/connection.hpp"
#include "drivers/amqp1/link.hpp"
#include "drivers/amqp1/message.hpp"
#include "drivers/amqp1/options.hpp"
#include "eventcollect/amqp1.hpp"
#include "eventcollect/open.hpp"
#include "support/events.hpp"
#include "support/services.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {

// As they are called in EVENTCOLLECT_TEST_… and, in lower case, by services.py.
inline const std::vector<std::string> activemq_brokers{"ARTEMIS", "CLASSIC"};

inline std::string service_of(std::string broker) {
  for (char& c : broker) c = static_cast<char>(c | 0x20);
  return broker;
}

inline bool contains_text(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// What a call throws, as text with the kind in front; empty if nothing.
template <typename Call>
std::string error_text(Call&& call) {
  try {
    call();
    return {};
  } catch (const Error& error) {
    constexpr const char* kinds[] = {"unavailable: ", "misconfigured: ", "in_doubt: "};
    return kinds[static_cast<int>(error.kind())] + std::string{error.what()};
  }
}

// A name for a queue of its own; `prefix` says how it is configured.
inline std::string new_queue(const std::string& prefix = "") {
  static int count = 0;
  return prefix + "test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

// A URL for the driver: `options` are as in "&timeout=1s"; through another port if there is one.
inline std::string queue_url(const std::string& broker, const std::string& queue,
                             const std::string& options = "", std::uint16_t port = 0) {
  return (port == 0 ? broker : url_through(broker, port)) + "?queue=" + queue + options;
}

// An encoded message with that body in a data section, and nothing else.
inline std::string message_with(std::string_view body) {
  std::string encoded{"\0\x53\x75\xb0", 4};
  for (int shift = 24; shift >= 0; shift -= 8) {
    encoded += static_cast<char>(body.size() >> shift & 0xff);
  }
  return encoded.append(body);
}

// A connection of its own, with no deadline but a minute.
class BareClient1 {
 public:
  explicit BareClient1(const std::string& url)
      : options_{amqp1::options_of(Url::parse(url))},
        connection_{options_, options_.hosts.at(0), deadline()} {}

  ~BareClient1() { connection_.close(deadline()); }

  // Sends a message as it is, and waits for what the broker makes of it.
  std::uint64_t send(const std::string& queue, std::string_view encoded) {
    pn_link_t* sender = amqp1::attach_sender(connection_, queue, deadline());
    while (pn_link_credit(sender) <= 0) REQUIRE(connection_.receive(deadline()) != nullptr);
    pn_delivery_t* delivery = pn_delivery(sender, pn_dtag("1", 1));
    pn_link_send(sender, encoded.data(), encoded.size());
    pn_link_advance(sender);
    while (pn_delivery_remote_state(delivery) == 0) {
      REQUIRE(connection_.receive(deadline()) != nullptr);
    }
    const std::uint64_t state = pn_delivery_remote_state(delivery);
    pn_delivery_settle(delivery);
    detach(sender);
    return state;
  }

  // Takes all that is there away. What was accepted before this call is found by it.
  std::vector<std::string> take_lines(const std::string& queue) {
    amqp1::MessageWriter writer;
    const Batch last = numbered_batch("the last one", 1);
    REQUIRE(send(queue, writer.write(last.front())) == PN_ACCEPTED);
    pn_link_t* receiver = amqp1::attach_receiver(connection_, queue, deadline());
    pn_link_flow(receiver, 1'000'000);
    amqp1::Arrival arrival;
    std::vector<std::string> lines;
    for (bool is_last = false; !is_last;) {
      while (!arrival.is_complete(receiver)) {
        REQUIRE(connection_.receive(deadline()) != nullptr);
      }
      lines.emplace_back(arrival.body());
      is_last = lines.back() == last.front().line;
      pn_delivery_t* delivery = arrival.take(receiver);
      pn_delivery_update(delivery, PN_ACCEPTED);
      pn_delivery_settle(delivery);
    }
    lines.pop_back();
    detach(receiver);
    return lines;
  }

 private:
  static amqp1::SteadyTime deadline() {
    return std::chrono::steady_clock::now() + std::chrono::minutes{1};
  }

  // So that the next link can have the same name.
  void detach(pn_link_t* link) {
    pn_link_close(link);
    while ((pn_link_state(link) & PN_REMOTE_CLOSED) == 0) {
      REQUIRE(connection_.receive(deadline()) != nullptr);
    }
    pn_link_free(link);
  }

  Amqp1Options options_;
  amqp1::Connection connection_;
};

// Reads until there are `count` events or what is none of them, for a minute at most.
inline Delivery read_count(Source& source, std::size_t count, std::size_t max_events = 10'000) {
  using namespace std::chrono_literals;
  Delivery delivery;
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (delivery.size() < count && std::chrono::steady_clock::now() < deadline) {
    source.read(delivery, {.wait = 100ms, .max_events = max_events});
  }
  CHECK(delivery.size() >= count);
  return delivery;
}

}  // namespace eventcollect::test
