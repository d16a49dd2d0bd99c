// What the amqp1 sink costs against a bare sender of Proton's.
//
//   python3 tests/services.py --only artemis,classic with build/release/bin/bench_amqp1 [PAIRS]
//
// Both send the same events as the same durable messages to a queue of their own, and wait until
// each batch is accepted. The bare sender is driven by Proton's own proactor, and has its messages
// encoded. Pairs of runs alternate in order; `ratio` is the median of the sink's rate to the bare
// sender's, and is what the budget bounds: 0.85.
#include <fmt/format.h>
#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/disposition.h>
#include <proton/link.h>
#include <proton/proactor.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/transport.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/pairs.hpp"
#include "drivers/amqp1/link.hpp"
#include "drivers/amqp1/message.hpp"
#include "drivers/amqp1/options.hpp"
#include "eventcollect/amqp1.hpp"
#include "support/writing.hpp"

namespace {

using namespace eventcollect;
using test::write;
using namespace eventcollect::bench;
using std::chrono::steady_clock;

using Messages = std::vector<std::string>;

void check(bool holds) {
  if (!holds) throw std::runtime_error{"the broker or the library failed"};
}

// One sender, as the library's examples make it.
class BareSender {
 public:
  BareSender(const Amqp1Options& options, const std::vector<Messages>& batches)
      : queue_{options.queue}, batches_{batches} {
    pn_connection_t* connection = pn_connection();
    pn_connection_set_container(connection, "bench-bare");
    pn_connection_set_user(connection, options.user.c_str());
    pn_connection_set_password(connection, options.password.c_str());
    pn_transport_t* transport = pn_transport();
    pn_sasl_allowed_mechs(pn_sasl(transport), "PLAIN");
    pn_sasl_set_allow_insecure_mechs(pn_sasl(transport), true);
    char address[PN_MAX_ADDR];
    const std::string port = std::to_string(options.hosts.front().port);
    pn_proactor_addr(address, sizeof(address), options.hosts.front().name.c_str(), port.c_str());
    pn_proactor_connect2(proactor_, connection, transport, address);
  }
  ~BareSender() { pn_proactor_free(proactor_); }
  BareSender(const BareSender&) = delete;
  BareSender& operator=(const BareSender&) = delete;

  // Returns the seconds from the first message to the last that is accepted.
  double run() {
    while (!is_over_) {
      pn_event_batch_t* events = pn_proactor_wait(proactor_);
      while (pn_event_t* event = pn_event_batch_next(events)) handle(event);
      pn_proactor_done(proactor_, events);
    }
    return std::chrono::duration<double>(end_ - begin_).count();
  }

 private:
  void handle(pn_event_t* event) {
    switch (pn_event_type(event)) {
      case PN_CONNECTION_INIT:
        return open(pn_event_connection(event));
      case PN_LINK_FLOW:
        return send(pn_event_link(event));
      case PN_DELIVERY:
        return settle(pn_event_delivery(event));
      case PN_CONNECTION_REMOTE_CLOSE:
      case PN_PROACTOR_INACTIVE:
        check(batch_ == batches_.size());
        is_over_ = true;
        return;
      case PN_TRANSPORT_ERROR:
        return check(false);
      default:
        return;
    }
  }

  void open(pn_connection_t* connection) {
    pn_connection_open(connection);
    pn_session_t* session = pn_session(connection);
    pn_session_open(session);
    pn_link_t* sender = pn_sender(session, "bare");
    pn_terminus_set_address(pn_link_target(sender), queue_.c_str());
    pn_data_put_symbol(pn_terminus_capabilities(pn_link_target(sender)), pn_bytes(5, "queue"));
    pn_link_open(sender);
  }

  void send(pn_link_t* sender) {
    if (begin_ == steady_clock::time_point{}) begin_ = steady_clock::now();
    if (batch_ == batches_.size()) return;
    const Messages& messages = batches_[batch_];
    for (; sent_ < messages.size() && pn_link_credit(sender) > 0; ++sent_) {
      ++tag_;
      pn_delivery(sender, pn_dtag(reinterpret_cast<const char*>(&tag_), sizeof(tag_)));
      pn_link_send(sender, messages[sent_].data(), messages[sent_].size());
      pn_link_advance(sender);
    }
  }

  void settle(pn_delivery_t* delivery) {
    check(pn_delivery_remote_state(delivery) == PN_ACCEPTED);
    pn_link_t* sender = pn_delivery_link(delivery);
    pn_delivery_settle(delivery);
    if (++accepted_ < batches_[batch_].size()) return;
    sent_ = accepted_ = 0;
    if (++batch_ < batches_.size()) return send(sender);
    end_ = steady_clock::now();
    pn_connection_close(pn_session_connection(pn_link_session(sender)));
  }

  pn_proactor_t* proactor_ = pn_proactor();
  std::string queue_;
  const std::vector<Messages>& batches_;
  std::size_t batch_ = 0;
  std::size_t sent_ = 0;
  std::size_t accepted_ = 0;
  std::uint64_t tag_ = 0;
  steady_clock::time_point begin_{};
  steady_clock::time_point end_{};
  bool is_over_ = false;
};

// What lies in a queue fills the broker's memory.
void empty_queue(const std::vector<Batch>& batches, const Amqp1Options& options) {
  std::size_t count = 0;
  for (const Batch& batch : batches) count += batch.size();
  Amqp1Source source{options};
  for (Delivery delivery; count > 0; delivery.clear()) {
    source.read(delivery, {.wait = std::chrono::seconds{1}});
    source.acknowledge(delivery);
    count -= delivery.size();
  }
}

double time_bare(const std::vector<Batch>& batches, const Amqp1Options& options) {
  std::vector<Messages> encoded;
  amqp1::MessageWriter writer;
  for (const Batch& batch : batches) {
    Messages& messages = encoded.emplace_back();
    for (const Event& event : batch) messages.emplace_back(writer.write(event));
  }
  const double seconds = BareSender{options, encoded}.run();
  empty_queue(batches, options);
  return seconds;
}

double time_sink(const std::vector<Batch>& batches, const Amqp1Options& options) {
  Amqp1Sink sink{options};
  sink.maintain();
  const double seconds = seconds_of([&] {
    for (const Batch& batch : batches) write(sink, batch);
  });
  empty_queue(batches, options);
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t pairs = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 11;
  struct Broker {
    const char* name;
    std::size_t events_per_run;
  };
  fmt::print(" broker   batch  bare sender         sink  ratio\n");
  for (const auto& [name, events_per_run] : {Broker{"ARTEMIS", 20'000}, Broker{"CLASSIC", 3'000}}) {
    const char* url = std::getenv(("EVENTCOLLECT_TEST_" + std::string{name}).c_str());
    if (url == nullptr) {
      fmt::print(stderr, "EVENTCOLLECT_TEST_{} is not set: see tests/services.py\n", name);
      return 2;
    }
    Amqp1Options options = amqp1::options_of(Url::parse(url));
    options.queue = "bench";
    options.timeout = std::chrono::seconds{60};
    time_sink(make_batches(events_per_run, 1'000), options);  // the broker compiles itself
    for (const std::size_t batch_size : {100U, 1'000U}) {
      const auto batches = make_batches(events_per_run, batch_size);
      fmt::print("{:>7}  {:>6}  {}\n", name, batch_size,
                 compare(
                     events_per_run, pairs, [&] { return time_bare(batches, options); },
                     [&] { return time_sink(batches, options); }));
    }
  }
}
