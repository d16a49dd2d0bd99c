// Events in a queue of a broker that speaks AMQP 1.0, such as ActiveMQ Artemis and ActiveMQ
// Classic.
//
//   enable_amqp1();
//   auto sink = open_sink("amqp1://user@mq1,mq2/?queue=events");
//   auto source = open_source("amqp1s://user@mq1/?queue=events");
//
// User and password are percent-decoded, the ports default to 5672 and 5671. Several hosts,
// separated by commas, are those of one broker: they are tried in turn. A user whose password is
// not in the URL has that of the environment variable EVENTCOLLECT_AMQP1_PASSWORD.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"

namespace eventcollect {

struct Amqp1Host {
  std::string name = "localhost";  // or an address
  std::uint16_t port = 0;          // 0 is the standard one: 5672, with TLS 5671
};

// Whom to talk to, about which queue, and for how long. As URL options: queue=events&timeout=10s
// &heartbeat=30s, with amqp1s ca_file=FILE.
struct Amqp1Options {
  std::vector<Amqp1Host> hosts{Amqp1Host{}};

  // With a user the password is sent by SASL PLAIN, and no other way to log in is taken. Without
  // one the broker has to let ANONYMOUS in.
  std::string user{};
  std::string password{};

  // The scheme amqp1s. The certificate has to be signed by an authority in ca_file (PEM) and to
  // have the host's name among its DNS names: addresses are not compared. TLS 1.2 or newer.
  bool tls = false;
  std::string ca_file = "/etc/ssl/certs/ca-certificates.crt";

  // The address is asked for with the capability `queue`: most brokers make a queue of that name
  // where it is missing. A broker that offers no queue there is an error. Of RabbitMQ's plugin only
  // "/amq/queue/NAME", a durable queue that exists, is taken: what the plugin makes itself is not
  // durable. For RabbitMQ the scheme amqp is the better choice.
  std::string queue = "events";

  // 1s to 65535s. A peer that is silent for two of them is gone.
  std::chrono::milliseconds heartbeat{30'000};

  // How long maintain(), acknowledge() and each attempt to connect may take, and the broker with
  // each message of a write(): a broker that syncs one by one needs longer for a large batch.
  // Looking up a host's name is the system's business, and has the system's deadline.
  std::chrono::milliseconds timeout{10'000};
};

// A message for each event: its line is the body (one data section), message-id is the event's id,
// subject its name, creation-time the server time, content-type application/json; durable.
//
// write() sends the batch as the broker grants credit, and returns when the broker has accepted
// each message. A message that is rejected for what it is (amqp:decode-error, amqp:invalid-field,
// amqp:link:message-size-exceeded), or is larger than the broker says that it takes, is the
// event's: a Rejection. It throws for the whole batch what became of the worst event: released,
// modified or rejected for another reason, such as a full queue (unavailable, as in_doubt where
// others of the batch are stored); not settled, since the connection was lost or the time is over
// (in_doubt). A broker that grants no credit is unavailable. The next call connects again. One
// thread at a time.
//
// Whether an accepted message is on the disk is the broker's business: see its settings in the
// guide. A broker that is set to drop what a full queue does not take still accepts it.
class Amqp1Sink final : public Sink {
 public:
  // Does not connect yet. Throws ConfigError.
  explicit Amqp1Sink(Amqp1Options options = {});
  ~Amqp1Sink() override;

  void write(const Batch& batch, Rejections& rejections) override;
  void maintain() override;

 private:
  class Publisher;
  std::unique_ptr<Publisher> publisher_;
};

// Reads what Amqp1Sink wrote: a body of one data section, or a string or binary as amqp-value. A
// session is a connection; what was not acknowledged in it comes again in the next. A lost
// connection is thrown as Error by read(), and the next read() connects again. The broker may send
// twice the max_events of ReadLimits ahead of their acknowledgement, and 64 MiB of it.
//
// Messages are only ever accepted, in acknowledge(). A broker may count those that come again, and
// may move one to its dead-letter queue after so many attempts.
//
// A thread of its own keeps the connection alive while the caller is busy. One thread at a time.
class Amqp1Source final : public Source {
 public:
  // Does not connect yet. Throws ConfigError.
  explicit Amqp1Source(Amqp1Options options = {});
  ~Amqp1Source() override;

  bool read(Delivery& delivery, const ReadLimits& limits) override;
  void acknowledge(const Delivery& delivery) override;

 private:
  class Consumer;
  std::unique_ptr<Consumer> consumer_;
};

// Makes the schemes amqp1 and amqp1s known to open_sink and open_source. Safe from any thread.
void enable_amqp1();

}  // namespace eventcollect
