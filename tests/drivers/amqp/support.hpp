// A stock AMQP client, to see and do what the driver does not.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventcollect/amqp.hpp"
#include "eventcollect/open.hpp"
#include "support/events.hpp"
#include "support/seed.hpp"
#include "support/services.hpp"

namespace eventcollect::test {

inline amqp_bytes_t amqp_text(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

inline std::string string_of(const amqp_bytes_t& bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

// A message with what it says of itself.
struct BareMessage {
  std::string body;
  amqp_basic_properties_t properties{};  // but for the texts, which are here:
  std::string message_id, type, content_type, app_id;
};

// A connection of librabbitmq as guest, with the library's own ways and no deadline but 30 s.
class BareClient {
 public:
  explicit BareClient(const std::string& url, int heartbeat_seconds = 0)
      : state_{amqp_new_connection()} {
    amqp_socket_t* socket = amqp_tcp_socket_new(state_.get());
    REQUIRE(amqp_socket_open(socket, "127.0.0.1", port_of(url)) == AMQP_STATUS_OK);
    check(amqp_login(state_.get(), "/", 0, 131'072, heartbeat_seconds, AMQP_SASL_METHOD_PLAIN,
                     "guest", "guest"));
    amqp_channel_open(state_.get(), 1);
    check();
  }

  amqp_connection_state_t state() const { return state_.get(); }

  // Makes a durable queue. `arguments` have texts as values, or numbers.
  void declare(const std::string& queue,
               const std::vector<std::pair<std::string, std::string>>& arguments = {}) {
    std::vector<amqp_table_entry_t> entries;
    entries.reserve(arguments.size());
    for (const auto& [name, value] : arguments) {
      amqp_table_entry_t entry{};
      entry.key = amqp_text(name);
      const bool is_number = value.find_first_not_of("0123456789") == std::string::npos;
      entry.value.kind = is_number ? AMQP_FIELD_KIND_I64 : AMQP_FIELD_KIND_UTF8;
      if (is_number) entry.value.value.i64 = std::stoll(value);
      if (!is_number) entry.value.value.bytes = amqp_text(value);
      entries.push_back(entry);
    }
    const amqp_table_t table{static_cast<int>(entries.size()), entries.data()};
    amqp_queue_declare(state_.get(), 1, amqp_text(queue), 0, 1, 0, 0, table);
    check();
  }

  void remove(const std::string& queue) {
    amqp_queue_delete(state_.get(), 1, amqp_text(queue), 0, 0);
    check();
  }

  // How many messages wait there, without those that a consumer has.
  std::size_t depth(const std::string& queue) {
    const auto* answer =
        amqp_queue_declare(state_.get(), 1, amqp_text(queue), 1, 0, 0, 0, amqp_empty_table);
    check();
    const std::size_t count = answer->message_count;
    amqp_maybe_release_buffers(state_.get());
    return count;
  }

  void publish(const std::string& queue, std::string_view body) {
    REQUIRE(amqp_basic_publish(state_.get(), 1, amqp_empty_bytes, amqp_text(queue), 0, 0, nullptr,
                               amqp_text(body)) == AMQP_STATUS_OK);
  }

  // Takes all that is there away. What was confirmed before this call is found by it.
  std::vector<BareMessage> take_all(const std::string& queue) {
    constexpr std::string_view last = "the last one";
    amqp_basic_consume(state_.get(), 1, amqp_text(queue), amqp_text("bare"), 0, 1, 0,
                       amqp_empty_table);
    check();
    publish(queue, last);
    std::vector<BareMessage> all;
    for (;;) {
      BareMessage message = next();
      if (message.body == last) break;
      all.push_back(std::move(message));
    }
    amqp_basic_cancel(state_.get(), 1, amqp_text("bare"));
    check();
    return all;
  }

  std::vector<std::string> take_lines(const std::string& queue) {
    std::vector<std::string> lines;
    for (BareMessage& message : take_all(queue)) lines.push_back(std::move(message.body));
    return lines;
  }

  void check() { check(amqp_get_rpc_reply(state_.get())); }

 private:
  struct Destroy {
    void operator()(amqp_connection_state_t state) const { amqp_destroy_connection(state); }
  };

  static void check(const amqp_rpc_reply_t& reply) {
    REQUIRE(reply.reply_type == AMQP_RESPONSE_NORMAL);
  }

  BareMessage next() {
    amqp_maybe_release_buffers(state_.get());
    const timeval timeout{30, 0};
    amqp_envelope_t envelope;
    check(amqp_consume_message(state_.get(), &envelope, &timeout, 0));
    BareMessage message;
    message.body = string_of(envelope.message.body);
    message.properties = envelope.message.properties;
    message.message_id = string_of(message.properties.message_id);
    message.type = string_of(message.properties.type);
    message.content_type = string_of(message.properties.content_type);
    message.app_id = string_of(message.properties.app_id);
    amqp_destroy_envelope(&envelope);
    return message;
  }

  std::unique_ptr<amqp_connection_state_t_, Destroy> state_;
};

// Returns when the broker has closed the connection of a client that sends no heartbeats; calls
// `work` ten times a second meanwhile.
template <typename Work>
void wait_until_given_up(const BareClient& client, const Work& work) {
  const int socket = amqp_get_sockfd(client.state());
  char bytes[256];
  for (int tries = 0; tries < 300; ++tries) {
    work();
    pollfd readable{socket, POLLIN, 0};
    if (::poll(&readable, 1, 100) == 1 && ::recv(socket, bytes, sizeof(bytes), 0) <= 0) return;
  }
  FAIL("the broker keeps a client that sends no heartbeats");
}

// A name for a queue of its own, which is removed in the end with its dead-letter queue.
class TestQueue {
 public:
  explicit TestQueue(std::string url) : url_{std::move(url)} {
    static int count = 0;
    name_ = "test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  }
  ~TestQueue() {
    BareClient client{url_};
    client.remove(name_);
    client.remove(name_ + ".dead");
  }
  TestQueue(const TestQueue&) = delete;
  TestQueue& operator=(const TestQueue&) = delete;

  const std::string& name() const { return name_; }

  // The same as url(), of a queue that is there: to one that it has made itself a sink does not
  // write for some seconds.
  std::string made(const std::string& options = "", std::uint16_t port = 0) const;

  // A URL for the driver: `options` are as in "&declare=off"; through another port if there is one.
  std::string url(const std::string& options = "", std::uint16_t port = 0) const {
    return (port == 0 ? url_ : url_through(url_, port)) + "?queue=" + name_ + options;
  }

 private:
  std::string url_;
  std::string name_;
};

// RabbitMQ 3.10 may forget a queue that was made a moment before it is killed, with all that it has
// confirmed in it, whoever the client is: of a quorum queue the list of names (DETS) is written
// half a second late, of a classic one its record is gone once in some fifty times. Here both are
// written now.
inline void let_broker_note_its_queues() {
  tell_services(
      "rabbitmqctl eval '[dets:sync(Table) || Table <- dets:all()], mnesia:dump_log(), "
      "mnesia:sync_log().' >/dev/null");
}

// What a call throws, as text with the kind in front; empty if nothing.
template <typename Error = Error, typename Call>
std::string error_of(Call&& call) {
  try {
    call();
    return {};
  } catch (const Error& error) {
    constexpr const char* kinds[] = {"unavailable: ", "misconfigured: ", "in_doubt: "};
    return kinds[static_cast<int>(error.kind())] + std::string{error.what()};
  }
}

inline std::string TestQueue::made(const std::string& options, std::uint16_t port) const {
  error_of([&] { open_sink(url(options))->maintain(); });
  return url(options, port);
}

// Reads until there are `count` events or what is none of them, for 30 s at most.
inline Delivery read_some(Source& source, std::size_t count, std::size_t max_events = 10'000) {
  using namespace std::chrono_literals;
  Delivery delivery;
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  const auto size = [&] { return delivery.batch.size() + delivery.rejections.size(); };
  while (size() < count && std::chrono::steady_clock::now() < deadline) {
    source.read(delivery, {.wait = 100ms, .max_events = max_events});
  }
  CHECK(size() >= count);
  return delivery;
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace eventcollect::test
