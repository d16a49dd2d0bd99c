#include <fmt/format.h>

#include <chrono>
#include <new>
#include <optional>
#include <utility>

#include "drivers/amqp/confirms.hpp"
#include "drivers/amqp/connection.hpp"
#include "drivers/amqp/message.hpp"
#include "drivers/amqp/options.hpp"
#include "drivers/amqp/topology.hpp"
#include "eventcollect/amqp.hpp"

namespace eventcollect {

using namespace amqp;
using std::chrono::steady_clock;

class AmqpSink::Publisher {
 public:
  Publisher(AmqpSinkOptions options, Timer& timer) : options_{std::move(options)}, timer_{timer} {
    check(options_);
    if (options_.routing_key.empty()) options_.routing_key = options_.queue.name;
  }

  ~Publisher() {
    constexpr auto farewell = std::chrono::seconds{1};
    if (connection_) connection_->close(steady_clock::now() + farewell);
  }

  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void write(const Batch& batch) {
    const SteadyTime deadline = steady_clock::now() + options_.broker.timeout;
    get_ready(deadline);
    settle_earlier(deadline);
    confirms_ = Confirms{next_tag_};
    returned_count_ = 0;
    try {
      const Watch watch = connection_->watch(deadline);
      publish(batch, deadline);
      while (!confirms_.is_settled()) take_frame(deadline);
    } catch (const ConnectionLost& error) {
      connection_.reset();
      throw failure_of(error);
    } catch (const std::bad_alloc&) {
      connection_.reset();  // a message may be sent of which no confirm is expected
      throw;
    }
    judge(batch.size());
  }

  void maintain() {
    get_ready(steady_clock::now() + options_.broker.timeout);
    if (connection_->blocked()) throw blocked_error(Error::unavailable);
  }

 private:
  // Has a connection that was alive a moment ago.
  void get_ready(SteadyTime deadline) {
    try {
      if (connection_) {
        const Watch watch = connection_->watch(deadline);
        take_what_came();
      }
    } catch (const ConnectionLost&) {
      connection_.reset();  // it broke while nothing was under way
    }
    try {
      if (!connection_) open(deadline);
    } catch (...) {
      connection_.reset();
      throw;
    }
    check_age();
  }

  // Throws Error while the broker may still lose the queue.
  void check_age() {
    if (!made_at_) return;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*made_at_ + new_queue_wait - timer_.now());
    if (left <= std::chrono::milliseconds{0}) return made_at_.reset();
    throw Error{Error::unavailable,
                fmt::format("amqp: the queue '{}' is new, and a broker that is killed now may lose "
                            "it with all events in it: it gets none for another {} ms",
                            options_.queue.name, left.count())};
  }

  void open(SteadyTime deadline) {
    connection_ = connect(options_.broker, host_, deadline);
    const Watch watch = connection_->watch(deadline);
    if (!options_.queue.name.empty()) make_queue();
    if (!options_.exchange.empty()) {
      prepare_exchange(*connection_, options_.exchange, options_.queue, options_.routing_key);
    }
    connection_->ask([](auto* state) { return amqp_confirm_select(state, channel); });
    next_tag_ = 1;
    confirms_ = Confirms{next_tag_};
  }

  void make_queue() {
    // A queue that was new when the connection broke is new again: the broker may have restarted.
    const bool is_new = made_at_ || is_missing(*connection_, options_.queue);
    if (is_new) made_at_ = timer_.now();  // also where the answer to what follows is lost
    prepare_queue(*connection_, options_.queue);
    if (is_new) made_at_ = timer_.now();
  }

  // Waits until the broker takes events, and has confirmed what an earlier write() left under way
  // when it was blocked.
  void settle_earlier(SteadyTime deadline) {
    try {
      while (connection_->blocked() || !confirms_.is_settled()) {
        take_frame(deadline, Error::unavailable);
      }
    } catch (const ConnectionLost& error) {
      connection_.reset();
      throw Error{Error::unavailable, error.what()};
    }
  }

  // Sends the batch as far as it is of use: not beyond the first message that came back.
  void publish(const Batch& batch, SteadyTime deadline) {
    // Confirms are read in between, so that they cannot fill the way back.
    constexpr std::size_t look_after_messages = 64;
    constexpr std::size_t look_after_bytes = 128 << 10;
    std::size_t messages = 0;
    std::size_t bytes = 0;
    for (const Event& event : batch) {
      publish(event);
      bytes += event.line.size();
      if (++messages < look_after_messages && bytes < look_after_bytes) continue;
      messages = bytes = 0;
      take_what_came();
      while (connection_->blocked()) take_frame(deadline);
      if (returned_count_ > 0) return;
    }
  }

  void publish(const Event& event) {
    const MessageProperties properties{event};
    confirms_.sent();
    ++next_tag_;
    connection_->send([&](auto* state) {
      return amqp_basic_publish(state, channel, bytes_of(options_.exchange),
                                bytes_of(options_.routing_key), 1, 0, properties.get(),
                                bytes_of(event.line));
    });
  }

  void take_what_came() {
    amqp_frame_t frame;
    while (connection_->receive(frame, at_once)) note(frame);
  }

  // Waits for a frame. Where none comes since the broker has blocked its publishers, the connection
  // is kept: only it is told when they may go on.
  void take_frame(SteadyTime deadline, Error::Kind if_blocked = Error::in_doubt) {
    amqp_frame_t frame;
    if (connection_->receive(frame, deadline)) return note(frame);
    if (connection_->blocked()) throw blocked_error(if_blocked);
    throw ConnectionLost{Error::unavailable, "the broker did not confirm in time"};
  }

  void note(const amqp_frame_t& frame) {
    if (frame.frame_type != AMQP_FRAME_METHOD) return;
    const amqp_method_t& method = frame.payload.method;
    if (method.id == AMQP_BASIC_ACK_METHOD) {
      const auto& ack = *static_cast<const amqp_basic_ack_t*>(method.decoded);
      confirms_.accept(ack.delivery_tag, ack.multiple != 0);
    } else if (method.id == AMQP_BASIC_NACK_METHOD) {
      const auto& nack = *static_cast<const amqp_basic_nack_t*>(method.decoded);
      confirms_.reject(nack.delivery_tag, nack.multiple != 0);
    } else if (method.id == AMQP_BASIC_RETURN_METHOD) {
      const auto& back = *static_cast<const amqp_basic_return_t*>(method.decoded);
      returned_ = fmt::format("{} {}", back.reply_code, text_of(back.reply_text));
      ++returned_count_;
    }
  }

  // Throws unless the broker has every message.
  void judge(std::size_t count) {
    if (confirms_.accepted() == count && returned_count_ == 0) return;
    // A message that came back is confirmed too: as dealt with.
    const bool some_are_stored = confirms_.accepted() > returned_count_;
    if (returned_count_ > 0) {
      connection_.reset();  // the next one begins by looking where the queue is
      throw Error{some_are_stored ? Error::in_doubt : Error::misconfigured,
                  fmt::format("amqp: the broker returned events, since no queue is bound for "
                              "exchange '{}' and routing key '{}': {}",
                              options_.exchange, options_.routing_key, returned_)};
    }
    throw Error{some_are_stored ? Error::in_doubt : Error::unavailable,
                fmt::format("amqp: the broker rejected {} of {} events (basic.nack): the queue "
                            "is full, or cannot store them now",
                            confirms_.rejected(), count)};
  }

  Error failure_of(const ConnectionLost& error) const {
    const bool is_known = error.kind() == Error::misconfigured && confirms_.accepted() == 0;
    return {is_known || confirms_.sent_count() == 0 ? error.kind() : Error::in_doubt,
            fmt::format("amqp: {} of {} events are confirmed: {}", confirms_.accepted(),
                        confirms_.sent_count(), error.reason())};
  }

  Error blocked_error(Error::Kind kind) const {
    return {kind, fmt::format("amqp: the broker has blocked its publishers: {}",
                              *connection_->blocked())};
  }

  AmqpSinkOptions options_;
  Timer& timer_;
  std::optional<SteadyTime> made_at_;  // when the queue was made, while it is new
  std::size_t host_ = 0;
  std::unique_ptr<Connection> connection_;
  std::uint64_t next_tag_ = 1;
  Confirms confirms_{1};            // of the last batch, if it is not confirmed yet
  std::size_t returned_count_ = 0;  // messages of it that came back
  std::string returned_;            // why they did
};

AmqpSink::AmqpSink(AmqpSinkOptions options, Timer& timer)
    : publisher_{std::make_unique<Publisher>(std::move(options), timer)} {}
AmqpSink::~AmqpSink() = default;

void AmqpSink::write(const Batch& batch, Rejections&) { publisher_->write(batch); }
void AmqpSink::maintain() { publisher_->maintain(); }

}  // namespace eventcollect
