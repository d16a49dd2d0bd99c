#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "drivers/amqp/connection.hpp"
#include "drivers/amqp/message.hpp"
#include "drivers/amqp/options.hpp"
#include "drivers/amqp/topology.hpp"
#include "eventcollect/amqp.hpp"
#include "eventcollect/stored_event.hpp"
#include "sink/delivery_room.hpp"

namespace eventcollect {

using namespace amqp;
using sink::DeliveryRoom;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t max_prefetch = 65'535;
constexpr auto max_wait = std::chrono::hours{24};  // so that any wait can be added to now
constexpr std::size_t max_inbox_bytes = std::size_t{64} << 20;

}  // namespace

class AmqpSource::Consumer {
 public:
  explicit Consumer(AmqpSourceOptions options) : options_{std::move(options)} {
    check(options_);
    keeper_ = std::thread{[this] { keep(); }};
  }

  ~Consumer() {
    {
      const std::lock_guard lock{mutex_};
      is_stopping_ = true;
    }
    stopping_.notify_one();
    keeper_.join();
    constexpr auto farewell = std::chrono::seconds{1};
    if (connection_) connection_->close(steady_clock::now() + farewell);
  }

  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  void read(Delivery& delivery, const ReadLimits& limits) {
    if (limits.max_events > max_prefetch) {
      throw Error{Error::misconfigured,
                  fmt::format("amqp: a delivery of {} events is asked for; AMQP has at most "
                              "{} unacknowledged",
                              limits.max_events, max_prefetch)};
    }
    const std::lock_guard lock{mutex_};
    try {
      if (failure_) throw ConnectionLost{*std::exchange(failure_, {})};
      get_ready(limits.max_events, delivery.empty());
      if (delivery.session != session_) delivery.clear();
      gather(delivery, limits);
    } catch (...) {  // also where memory is short: a consumer may be half made
      lose();
      delivery.clear();
      throw;
    }
  }

  void acknowledge(const Delivery& delivery) {
    const std::lock_guard lock{mutex_};
    const bool is_of_now = connection_ && delivery.session == session_;
    if (!is_of_now || delivery.position <= acknowledged_) return;
    try {
      const Watch watch = connection_->watch(steady_clock::now() + options_.broker.timeout);
      connection_->send([&](auto* state) {
        constexpr amqp_boolean_t and_all_before = 1;
        return amqp_basic_ack(state, channel, delivery.position, and_all_before);
      });
      acknowledged_ = delivery.position;
    } catch (...) {
      lose();
      throw;
    }
  }

 private:
  // Has a connection, and a consumer that gets as much ahead as is of use.
  void get_ready(std::size_t max_events, bool has_nothing) {
    const SteadyTime deadline = steady_clock::now() + options_.broker.timeout;
    // While one delivery is written, the broker sends the next.
    const std::size_t wanted =
        options_.prefetch != 0 ? options_.prefetch : std::min(2 * max_events, max_prefetch);
    // A consumer keeps its prefetch, and a second one on the channel would disturb the order: so
    // more takes a new session. That waits until the caller has nothing of this one in hand.
    if (connection_ && wanted > prefetch_ && has_nothing) {
      connection_->close(deadline);
      lose();
    }
    if (connection_) return;
    connection_ = connect(options_.broker, host_, deadline);
    ++session_;
    acknowledged_ = 0;
    const Watch watch = connection_->watch(deadline);
    prepare_queue(*connection_, options_.queue);
    consume(static_cast<std::uint16_t>(wanted));
  }

  void consume(std::uint16_t prefetch) {
    connection_->ask([&](auto* state) { return amqp_basic_qos(state, channel, 0, prefetch, 0); });
    connection_->ask([&](auto* state) {
      return amqp_basic_consume(state, channel, bytes_of(options_.queue.name), amqp_empty_bytes, 0,
                                0, 0, amqp_empty_table);
    });
    prefetch_ = prefetch;
  }

  void gather(Delivery& delivery, const ReadLimits& limits) {
    DeliveryRoom room{delivery, limits};
    SteadyTime until =
        steady_clock::now() + std::min<std::chrono::milliseconds>(limits.wait, max_wait);
    do {
      for (; !inbox_.empty() && room.fits(inbox_.front().body.size()); until = at_once) {
        room.take(inbox_.front().body.size());
        deliver(delivery);
      }
    } while (inbox_.empty() && !room.is_full() && take_frame(until));
  }

  // Moves the first message of the inbox.
  void deliver(Delivery& delivery) {
    Message& message = inbox_.front();
    if (auto rejection = reader_.append(message.body, delivery.batch)) {
      if (message.body_bytes > message.body.size()) rejection->raw_bytes = message.body_bytes;
      delivery.rejections.push_back(std::move(*rejection));
    }
    // Not before the delivery has it: what is acknowledged is everything up to its position.
    delivery.session = session_;
    delivery.position = message.delivery_tag;
    inbox_bytes_ -= message.body.size();
    inbox_.pop_front();
  }

  bool take_frame(SteadyTime until) {
    amqp_frame_t frame;
    if (!connection_->receive(frame, until)) return false;
    if (frame.frame_type == AMQP_FRAME_METHOD &&
        frame.payload.method.id == AMQP_BASIC_CANCEL_METHOD) {
      throw ConnectionLost{Error::unavailable,
                           fmt::format("the broker has ended the consumer: is the queue '{}' gone?",
                                       options_.queue.name)};
    }
    if (auto message = assembler_.take(frame)) {
      inbox_bytes_ += message->body.size();
      inbox_.push_back(std::move(*message));
    }
    return true;
  }

  // Keeps the connection alive between reads.
  void keep() {
    std::unique_lock lock{mutex_};
    const auto often = std::chrono::milliseconds{options_.broker.heartbeat} / 4;
    while (!is_stopping_) {
      stopping_.wait_for(lock, often);
      if (is_stopping_ || !connection_) continue;
      try {
        receive_ahead();
      } catch (const std::bad_alloc&) {
        lose();  // read() connects again, and is given the messages again
      }
    }
  }

  void receive_ahead() {
    try {
      const Watch watch = connection_->watch(steady_clock::now() + options_.broker.timeout);
      // Receiving sends the heartbeats that are due.
      while (inbox_bytes_ < max_inbox_bytes && take_frame(at_once)) {
      }
      if (inbox_bytes_ >= max_inbox_bytes) send_heartbeat();
    } catch (const ConnectionLost& error) {
      lose();
      failure_ = error;
    }
  }

  void send_heartbeat() {
    amqp_frame_t heartbeat{};
    heartbeat.frame_type = AMQP_FRAME_HEARTBEAT;
    connection_->send([&](auto* state) { return amqp_send_frame(state, &heartbeat); });
  }

  void lose() {
    connection_.reset();
    assembler_ = {};
    inbox_.clear();
    inbox_bytes_ = 0;
  }

  AmqpSourceOptions options_;
  std::mutex mutex_;  // of all below: the library is for one thread at a time
  std::condition_variable stopping_;
  bool is_stopping_ = false;
  std::size_t host_ = 0;
  std::unique_ptr<Connection> connection_;
  std::optional<ConnectionLost> failure_;  // that the keeper met and read() has to tell
  std::uint64_t session_ = 0;
  std::uint64_t acknowledged_ = 0;  // the last delivery tag that was, in this session
  std::uint16_t prefetch_ = 0;
  MessageAssembler assembler_;
  std::deque<Message> inbox_;
  std::size_t inbox_bytes_ = 0;
  StoredEventReader reader_;
  std::thread keeper_;
};

AmqpSource::AmqpSource(AmqpSourceOptions options)
    : consumer_{std::make_unique<Consumer>(std::move(options))} {}
AmqpSource::~AmqpSource() = default;

bool AmqpSource::read(Delivery& delivery, const ReadLimits& limits) {
  consumer_->read(delivery, limits);
  return true;
}
void AmqpSource::acknowledge(const Delivery& delivery) { consumer_->acknowledge(delivery); }

}  // namespace eventcollect
