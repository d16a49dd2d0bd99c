// Events in a queue of a broker that speaks AMQP 0-9-1, such as RabbitMQ.
//
//   enable_amqp();
//   auto sink = open_sink("amqp://user@rabbit1,rabbit2/shop?queue=events");
//   auto source = open_source("amqps://user@rabbit1/shop?queue=events&prefetch=2000");
//
// The URL is RabbitMQ's (https://www.rabbitmq.com/uri-spec.html): user, password and virtual host
// are percent-decoded, the ports default to 5672 and 5671. Several hosts, separated by commas, are
// the nodes of one cluster: they are tried in turn. No path and the path "/" both mean the virtual
// host "/". A URL without a password takes that of the environment variable
// EVENTCOLLECT_AMQP_PASSWORD, else "guest".
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"
#include "eventcollect/timer.hpp"

namespace eventcollect {

struct AmqpHost {
  std::string name = "localhost";  // or an address
  std::uint16_t port = 0;          // 0 is the standard one: 5672, with TLS 5671
};

// Whom to talk to, and for how long.
struct AmqpBroker {
  std::vector<AmqpHost> hosts{AmqpHost{}};
  std::string virtual_host = "/";
  std::string user = "guest";
  std::string password = "guest";

  // The scheme amqps. The certificate has to be signed by an authority in ca_file (PEM) and to have
  // the host's name among its DNS names: librabbitmq compares no addresses. TLS 1.2 or newer.
  bool tls = false;
  std::string ca_file = "/etc/ssl/certs/ca-certificates.crt";

  // Whole seconds, 1 to 65,535. A peer that is silent for two of them is gone.
  std::chrono::seconds heartbeat{30};

  // How long write(), maintain(), acknowledge() and each attempt to connect may take (and a tenth
  // of a second). Looking up a host's name is the system's business, and has the system's deadline.
  std::chrono::milliseconds timeout{10'000};
};

// What is done about the queue when a connection begins.
enum class AmqpDeclare : std::uint8_t {
  quorum,   // it is made where it is missing: replicated, durable
  classic,  // likewise: on one node, durable
  off,      // it must be there already
};

// A queue that is made rejects what does not fit (x-overflow=reject-publish) instead of dropping
// the oldest. An existing one of another kind is an error, never changed.
struct AmqpQueue {
  std::string name = "events";
  AmqpDeclare declare = AmqpDeclare::quorum;

  // The queue that gets what consumers reject, made likewise. Empty: none is given, and that is
  // what rejected messages become. Not used with `off`.
  std::string dead_letter = "events.dead";
};

// As URL options: queue=events&declare=quorum&dead_letter=events.dead&exchange=&routing_key=events
// &timeout=10s&heartbeat=30s, with amqps ca_file=FILE. Where the queue has another name, its
// dead-letter queue is that with ".dead"; a classic one has none unless it is named.
struct AmqpSinkOptions {
  AmqpBroker broker{};
  AmqpQueue queue{};  // its name may be empty where there is an exchange: then it is not looked at
  std::string
      exchange{};  // has to be there. Empty is the default one, which routes to queues by name
  std::string routing_key{};  // empty: the queue's name. The queue is bound by it unless `off`
};

// A message for each event: its line is the body, message_id is the event's id, type its name (cut
// to the 255 bytes that AMQP has for it, at a character), timestamp the server time in seconds,
// content_type application/json, app_id eventcollect, delivery_mode 2 (persistent).
//
// write() sends the whole batch and returns when the broker has confirmed each message (publisher
// confirms): then it is on the queue's disk, of a quorum queue on those of a majority. It throws
// for the whole batch what became of the worst event: returned, since no queue is bound
// (misconfigured); rejected, since the queue is full (unavailable); either as in_doubt where others
// of the batch are stored; unconfirmed, since the connection was lost or the time is over
// (in_doubt). A broker that is short of memory or disk and has blocked its publishers is
// unavailable. The next call connects again. One thread at a time.
//
// A queue that this sink has made itself gets events five seconds later; until then write() and
// maintain() throw unavailable. RabbitMQ may lose a new queue, with all that it has confirmed in
// it, when it is killed within two seconds of its making; a new quorum queue may also come back
// without a leader, and confirms nothing until an operator deletes it. A queue that is there
// already is used at once: an operator or a program that makes it ahead of time has to wait
// likewise.
//
// RabbitMQ tells a connection that it is blocked only after it has published once. So on a new
// connection maintain() finds nothing wrong, and the first write() is what meets the block; from
// then on maintain() knows, until the block ends. To publish something only to find out would need
// an exchange that routes it nowhere and a right to it.
class AmqpSink final : public Sink {
 public:
  // Does not connect yet. `timer` has to outlive the sink. Throws ConfigError.
  explicit AmqpSink(AmqpSinkOptions options = {}, Timer& timer = steady_timer());
  ~AmqpSink() override;

  void write(const Batch& batch, Rejections& rejections) override;
  void maintain() override;

 private:
  class Publisher;
  std::unique_ptr<Publisher> publisher_;
};

// As URL options: queue, declare, dead_letter, timeout, heartbeat, ca_file as above, and prefetch.
struct AmqpSourceOptions {
  AmqpBroker broker{};
  AmqpQueue queue{};

  // How many messages the broker sends ahead of their acknowledgement, 1 to 65,535; a delivery does
  // not get larger than this. 0: twice the max_events of the first ReadLimits; for a later one that
  // asks for more a new session begins, once read() is given an empty delivery.
  std::uint16_t prefetch = 0;
};

// Reads what AmqpSink wrote. A session is a connection; what was not acknowledged in it comes again
// in the next, in its old place. A lost connection is thrown as Error by read(), and the next
// read() connects again. ReadLimits.max_events over 65,535 is rejected: AMQP counts ahead no
// further.
//
// A thread of its own keeps the connection alive while the caller is busy, and holds what arrives
// meanwhile: at most `prefetch` messages, and 64 MiB and one more. One thread at a time.
class AmqpSource final : public Source {
 public:
  // Does not connect yet. Throws ConfigError.
  explicit AmqpSource(AmqpSourceOptions options = {});
  ~AmqpSource() override;

  bool read(Delivery& delivery, const ReadLimits& limits) override;
  void acknowledge(const Delivery& delivery) override;

 private:
  class Consumer;
  std::unique_ptr<Consumer> consumer_;
};

// Makes the schemes amqp and amqps known to open_sink and open_source. Safe from any thread.
void enable_amqp();

}  // namespace eventcollect
