// What the amqp sink costs against a bare loop of librabbitmq.
//
//   python3 tests/services.py with build/release/bin/bench_amqp [PAIRS]
//
// Both publish the same events as the same persistent, mandatory messages to a new queue of the
// same kind, and wait for the confirms of each batch. The bare loop has its properties ready.
// Pairs of runs alternate in order; `ratio` is the median of the sink's rate to the bare loop's,
// and is what the budget bounds: 0.85.
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/pairs.hpp"
#include "drivers/amqp/message.hpp"
#include "drivers/amqp/options.hpp"
#include "eventcollect/amqp.hpp"
#include "support/writing.hpp"

namespace {

using namespace eventcollect;
using test::write;
using namespace eventcollect::bench;

constexpr std::size_t events_per_run = 20'000;
constexpr std::string_view queue_name = "bench_amqp";

void check(bool holds) {
  if (!holds) throw std::runtime_error{"the broker or the library failed"};
}

amqp_bytes_t bytes_of(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

// A connection in confirm mode, as the library's examples make it.
class BareClient {
 public:
  explicit BareClient(const AmqpBroker& broker) : state_{amqp_new_connection()} {
    const AmqpHost& host = broker.hosts.front();
    amqp_socket_t* socket = amqp_tcp_socket_new(state_);
    check(amqp_socket_open(socket, host.name.c_str(), host.port) == AMQP_STATUS_OK);
    check(amqp_login(state_, "/", 0, 131'072, 30, AMQP_SASL_METHOD_PLAIN, broker.user.c_str(),
                     broker.password.c_str())
              .reply_type == AMQP_RESPONSE_NORMAL);
    check(amqp_channel_open(state_, 1) != nullptr);
    check(amqp_confirm_select(state_, 1) != nullptr);
  }
  ~BareClient() {
    amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(state_);
  }
  BareClient(const BareClient&) = delete;
  BareClient& operator=(const BareClient&) = delete;

  void remove_queue() { amqp_queue_delete(state_, 1, bytes_of(queue_name), 0, 0); }

  struct Message {
    amqp_basic_properties_t properties;
    amqp_bytes_t body;
  };

  void publish(const std::vector<Message>& batch) {
    for (const Message& message : batch) {
      check(amqp_basic_publish(state_, 1, amqp_empty_bytes, bytes_of(queue_name), 1, 0,
                               &message.properties, message.body) == AMQP_STATUS_OK);
    }
    last_tag_ += batch.size();
    // RabbitMQ confirms in order as long as nothing fails.
    for (std::uint64_t confirmed = 0; confirmed < last_tag_;) {
      amqp_frame_t frame;
      check(amqp_simple_wait_frame(state_, &frame) == AMQP_STATUS_OK);
      check(frame.frame_type == AMQP_FRAME_METHOD &&
            frame.payload.method.id == AMQP_BASIC_ACK_METHOD);
      confirmed = static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded)->delivery_tag;
      amqp_maybe_release_buffers(state_);
    }
  }

 private:
  amqp_connection_state_t state_;
  std::uint64_t last_tag_ = 0;
};

// Makes the queue anew by a sink, for either of the two: another one may use it at once.
void make_queue(const AmqpSinkOptions& options) {
  BareClient{options.broker}.remove_queue();
  try {
    AmqpSink{options}.maintain();
  } catch (const Error& error) {
    check(error.kind() == Error::unavailable);
  }
}

double time_bare(const std::vector<Batch>& batches, const AmqpSinkOptions& options) {
  make_queue(options);
  std::vector<std::unique_ptr<amqp::MessageProperties>> kept;
  std::vector<std::vector<BareClient::Message>> messages;
  kept.reserve(events_per_run);
  messages.reserve(batches.size());
  for (const Batch& batch : batches) {
    auto& some = messages.emplace_back();
    some.reserve(batch.size());
    for (const Event& one : batch) {
      kept.push_back(std::make_unique<amqp::MessageProperties>(one));
      some.push_back({*kept.back()->get(), bytes_of(one.line)});
    }
  }
  BareClient client{options.broker};
  return seconds_of([&] {
    for (const auto& some : messages) client.publish(some);
  });
}

double time_sink(const std::vector<Batch>& batches, const AmqpSinkOptions& options) {
  make_queue(options);
  AmqpSink sink{options};
  sink.maintain();
  return seconds_of([&] {
    for (const Batch& batch : batches) write(sink, batch);
  });
}

void compare_with(const AmqpSinkOptions& options, std::size_t batch_size, std::size_t pairs) {
  const std::vector<Batch> batches = make_batches(events_per_run, batch_size);
  const std::string line = compare(
      events_per_run, pairs, [&] { return time_bare(batches, options); },
      [&] { return time_sink(batches, options); });
  fmt::print("{:>7}  {:>6}  {}\n",
             options.queue.declare == AmqpDeclare::quorum ? "quorum" : "classic", batch_size, line);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t pairs = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 11;
  const char* url = std::getenv("EVENTCOLLECT_TEST_AMQP");
  if (url == nullptr) {
    fmt::print(stderr, "EVENTCOLLECT_TEST_AMQP is not set: see tests/services.py\n");
    return 2;
  }
  AmqpSinkOptions options = amqp::sink_options_of(Url::parse(url));
  options.queue = {.name = std::string{queue_name}, .dead_letter = ""};
  fmt::print("  queue   batch    bare loop         sink  ratio\n");
  for (const AmqpDeclare kind : {AmqpDeclare::quorum, AmqpDeclare::classic}) {
    options.queue.declare = kind;
    for (const std::size_t batch_size : {100U, 1'000U, 10'000U}) {
      compare_with(options, batch_size, pairs);
    }
  }
  BareClient{options.broker}.remove_queue();
}
