// One connection to a broker with one session: Proton's engine on a socket of ours, which gives
// every wait a deadline.
#pragma once

#include <proton/connection_driver.h>
#include <proton/event.h>

#include <memory>
#include <string>

#include "drivers/amqp1/broker_error.hpp"
#include "drivers/amqp1/socket.hpp"
#include "eventcollect/amqp1.hpp"

namespace eventcollect::amqp1 {

// Every function throws ConnectionLost, after which only the destructor is of use. No function
// takes longer than until the deadline that it is given. One thread at a time.
class Connection {
 public:
  // Connects, logs in and opens the session.
  Connection(const Amqp1Options& options, const Amqp1Host& host, SteadyTime deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  pn_session_t* session() const { return session_; }

  // What the broker calls itself; empty if it does not say.
  std::string product() const;

  // The next event of the engine, that is there or comes until then, or null. What ends the
  // connection, its session or a link that we have not ended is thrown. Sends what is due. The
  // event lives until the next call of anything.
  pn_event_t* receive(SteadyTime until);

  // Sends what the engine has. Events that come meanwhile are kept.
  void flush(SteadyTime deadline);

  // Takes leave, so that the broker has all that was sent and gives back at once what was not
  // settled. Does not throw. To be left out where the connection is broken.
  void close(SteadyTime deadline) noexcept;

 private:
  void configure(const Amqp1Options& options, const Amqp1Host& host);
  void secure(const Amqp1Options& options, const Amqp1Host& host);
  void exchange(SteadyTime until);
  SteadyTime tick();
  void send_some();
  void take_some();
  void check(pn_event_t* event) const;

  Socket socket_;
  pn_connection_driver_t driver_{};
  pn_session_t* session_ = nullptr;
  bool has_ended_ = false;  // the engine has no event for an end in the middle of a frame
};

// Connects to the first of the hosts that can be used, beginning with number `next`, which then is
// the one that was taken. Each gets its share of the time that is left.
std::unique_ptr<Connection> connect(const Amqp1Options& options, std::size_t& next,
                                    SteadyTime deadline);

}  // namespace eventcollect::amqp1
