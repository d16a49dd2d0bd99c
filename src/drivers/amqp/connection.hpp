// One connection to a broker with one channel.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "drivers/amqp/broker_error.hpp"
#include "drivers/amqp/watchdog.hpp"
#include "eventcollect/amqp.hpp"

namespace eventcollect::amqp {

inline constexpr amqp_channel_t channel = 1;

// Every function throws ConnectionLost, after which only the destructor is of use. No function
// takes longer than until the deadline that it is given, or a tenth of a second more than until the
// one that is watched. One thread at a time.
class Connection {
 public:
  // Connects, logs in and opens the channel.
  Connection(const AmqpBroker& broker, const AmqpHost& host, SteadyTime deadline);

  // The next frame, queued or received until then, or false. What belongs to no channel is dealt
  // with: such a frame, and one of a method that the caller does not know, is to be ignored. The
  // frame lives until the next call of anything.
  bool receive(amqp_frame_t& frame, SteadyTime until);

  // Calls a function of the library that waits for an answer, as in
  //   connection.ask([](auto* state) { return amqp_confirm_select(state, channel); });
  // Returns what it returns: a pointer that is not null and lives until the next call.
  template <typename Call>
  auto* ask(const Call& call) {
    auto* answer = call(state_.get());
    if (answer == nullptr) fail(amqp_get_rpc_reply(state_.get()));
    return answer;
  }

  // Whether the broker has a queue of that name.
  bool has_queue(std::string_view name);

  // Calls a function of the library that only sends.
  template <typename Call>
  void send(const Call& call) {
    const int status = call(state_.get());
    if (status != AMQP_STATUS_OK) fail(status);
  }

  // To be held around what may wait while it sends: everything but receive().
  Watch watch(SteadyTime deadline);

  // Why the broker takes nothing from publishers now (connection.blocked), if that is so.
  const std::optional<std::string>& blocked() const { return blocked_; }

  // Takes leave, so that the broker has all that was sent and does not log a lost client. Does not
  // throw. To be left out where the connection is broken.
  void close(SteadyTime deadline) noexcept;

 private:
  struct Destroy {
    void operator()(amqp_connection_state_t state) const { amqp_destroy_connection(state); }
  };

  void open_socket(const AmqpBroker& broker, const AmqpHost& host, SteadyTime deadline);
  void log_in(const AmqpBroker& broker);
  void handle(const amqp_frame_t& frame);
  [[noreturn]] void fail(int status);
  [[noreturn]] void fail(const amqp_rpc_reply_t& reply);

  std::unique_ptr<amqp_connection_state_t_, Destroy> state_;
  std::optional<std::string> blocked_;
  std::optional<Watchdog> watchdog_;
};

// Connects to the first of the hosts that can be used, beginning with number `next`, which then is
// the one that was taken. Each gets its share of the time that is left.
std::unique_ptr<Connection> connect(const AmqpBroker& broker, std::size_t& next,
                                    SteadyTime deadline);

}  // namespace eventcollect::amqp
