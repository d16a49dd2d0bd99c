#include <fmt/format.h>
#include <proton/delivery.h>
#include <proton/disposition.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "drivers/amqp1/connection.hpp"
#include "drivers/amqp1/link.hpp"
#include "drivers/amqp1/message.hpp"
#include "drivers/amqp1/options.hpp"
#include "eventcollect/amqp1.hpp"

namespace eventcollect {

using namespace amqp1;
using std::chrono::steady_clock;

namespace {

// What became of the messages of a batch.
struct Outcomes {
  std::size_t sent = 0;
  std::size_t accepted = 0;
  std::size_t blamed = 0;  // rejected for what they are
  std::size_t failed = 0;  // rejected for another reason, released or modified
  std::string failure{};   // what the last of them was

  bool are_settled() const { return accepted + blamed + failed == sent; }
};

struct Tag {
  std::uint64_t number;  // of all messages of the sink
  std::uint64_t index;   // of the event in its batch
};

std::size_t index_of(pn_delivery_t* delivery) {
  Tag tag{};
  std::memcpy(&tag, pn_delivery_tag(delivery).start, sizeof(tag));
  return tag.index;
}

// A delivery has a context until its outcome is counted.
bool is_counted(pn_delivery_t* delivery) { return pn_delivery_get_context(delivery) == nullptr; }

}  // namespace

class Amqp1Sink::Publisher {
 public:
  explicit Publisher(Amqp1Options options) : options_{std::move(options)} { check(options_); }

  ~Publisher() {
    constexpr auto farewell = std::chrono::seconds{1};
    if (connection_) connection_->close(steady_clock::now() + farewell);
  }

  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void write(const Batch& batch, Rejections& rejections) {
    get_ready(deadline_from_now());
    outcomes_ = {};
    deadline_ = deadline_from_now();
    try {
      send(batch, rejections);
      while (!outcomes_.are_settled()) take_event(batch, rejections);
    } catch (const ConnectionLost& error) {
      connection_.reset();
      const bool is_known = outcomes_.are_settled() && outcomes_.accepted == 0;
      throw Error{is_known ? error.kind() : Error::in_doubt,
                  fmt::format("amqp1: {} of {} events are accepted: {}", outcomes_.accepted,
                              outcomes_.sent, error.reason())};
    } catch (const std::bad_alloc&) {
      connection_.reset();  // what is under way would be taken for messages of the next batch
      throw;
    }
    judge();
  }

  void maintain() {
    const SteadyTime deadline = deadline_from_now();
    get_ready(deadline);
    try {
      while (pn_link_credit(sender_) <= 0) {
        if (connection_->receive(deadline) == nullptr) throw no_credit(Error::unavailable);
      }
    } catch (const ConnectionLost&) {
      connection_.reset();
      throw;
    }
  }

 private:
  SteadyTime deadline_from_now() const { return steady_clock::now() + options_.timeout; }

  // Has a connection that was alive a moment ago.
  void get_ready(SteadyTime deadline) {
    try {
      if (connection_) take_what_came();
    } catch (const ConnectionLost&) {
      connection_.reset();  // it broke while nothing was under way
    }
    if (connection_) return;
    auto connection = connect(options_, host_, deadline);
    sender_ = attach_sender(*connection, options_.queue, deadline);
    connection_ = std::move(connection);
    max_message_bytes_ = pn_link_remote_max_message_size(sender_);
  }

  void take_what_came() {
    while (connection_->receive(at_once) != nullptr) {
    }
  }

  // Sends the batch as far as it is of use: not beyond the first message that failed.
  void send(const Batch& batch, Rejections& rejections) {
    // What comes back is taken in between, so that it cannot fill the way.
    constexpr std::size_t look_after_messages = 64;
    constexpr std::size_t look_after_bytes = 128 << 10;
    std::size_t messages = 0;
    std::size_t bytes = 0;
    for (const Event& event : batch) {
      while (pn_link_credit(sender_) <= 0 && outcomes_.failed == 0) {
        if (!take_event(batch, rejections)) throw no_credit(kind_of_failure());
      }
      if (outcomes_.failed > 0) return;
      bytes += send(event, rejections);
      if (++messages < look_after_messages && bytes < look_after_bytes) continue;
      messages = bytes = 0;
      while (pn_event_t* came = connection_->receive(at_once)) note(came, batch, rejections);
    }
  }

  // Returns how many bytes that takes.
  std::size_t send(const Event& event, Rejections& rejections) {
    const std::string_view message = writer_.write(event);
    if (max_message_bytes_ != 0 && message.size() > max_message_bytes_) {
      rejections.add(event, fmt::format("the broker takes messages of at most {} bytes, and the "
                                        "event's has {}",
                                        max_message_bytes_, message.size()));
      return 0;
    }
    const Tag tag{++messages_, event.index};
    pn_delivery_t* delivery =
        pn_delivery(sender_, pn_dtag(reinterpret_cast<const char*>(&tag), sizeof(tag)));
    pn_delivery_set_context(delivery, this);
    pn_link_send(sender_, message.data(), message.size());
    pn_link_advance(sender_);
    ++outcomes_.sent;
    return message.size();
  }

  // Waits for an event. False where none comes since the broker grants no credit, and nothing is
  // under way: then the connection is kept.
  bool take_event(const Batch& batch, Rejections& rejections) {
    if (pn_event_t* event = connection_->receive(deadline_)) {
      note(event, batch, rejections);
      return true;
    }
    if (outcomes_.are_settled()) return false;
    throw ConnectionLost{Error::unavailable,
                         "the broker settled no more in time: its store may be full"};
  }

  void note(pn_event_t* event, const Batch& batch, Rejections& rejections) {
    if (pn_event_type(event) != PN_DELIVERY) return;
    pn_delivery_t* delivery = pn_event_delivery(event);
    const std::uint64_t state = pn_delivery_remote_state(delivery);
    if (state != PN_ACCEPTED && state != PN_REJECTED && state != PN_RELEASED &&
        state != PN_MODIFIED) {
      return;
    }
    // A broker may tell the outcome, and settle it later: then it comes twice.
    if (is_counted(delivery)) return;
    if (state == PN_ACCEPTED) {
      ++outcomes_.accepted;
    } else {
      note_failure(delivery, state, batch, rejections);
    }
    pn_delivery_set_context(delivery, nullptr);
    pn_delivery_settle(delivery);
    deadline_ = deadline_from_now();
  }

  void note_failure(pn_delivery_t* delivery, std::uint64_t state, const Batch& batch,
                    Rejections& rejections) {
    pn_condition_t* condition = pn_disposition_condition(pn_delivery_remote(delivery));
    if (state == PN_REJECTED && blames_the_message(condition)) {
      rejections.add(batch[index_of(delivery)], "the broker rejected it: " + text_of(condition));
      ++outcomes_.blamed;
      return;
    }
    ++outcomes_.failed;
    outcomes_.failure = state == PN_REJECTED   ? "rejected (" + text_of(condition) + ")"
                        : state == PN_RELEASED ? "released"
                                               : "modified";
  }

  // Throws unless the broker has every message that it does not blame.
  void judge() const {
    if (outcomes_.failed == 0) return;
    throw Error{
        kind_of_failure(),
        fmt::format("amqp1: of {} events the broker accepted {} and failed {}, the last "
                    "was {}",
                    outcomes_.sent, outcomes_.accepted, outcomes_.failed, outcomes_.failure)};
  }

  Error::Kind kind_of_failure() const {
    return outcomes_.accepted > 0 ? Error::in_doubt : Error::unavailable;
  }

  Error no_credit(Error::Kind kind) const {
    return {kind,
            fmt::format("amqp1: the broker grants no credit for the queue '{}': it may be full",
                        options_.queue)};
  }

  Amqp1Options options_;
  std::size_t host_ = 0;
  std::unique_ptr<Connection> connection_;
  pn_link_t* sender_ = nullptr;  // of the connection
  std::uint64_t max_message_bytes_ = 0;
  std::uint64_t messages_ = 0;  // sent so far
  SteadyTime deadline_{};       // by which the broker has to settle the next message
  Outcomes outcomes_;           // of the last batch
  MessageWriter writer_;
};

Amqp1Sink::Amqp1Sink(Amqp1Options options)
    : publisher_{std::make_unique<Publisher>(std::move(options))} {}
Amqp1Sink::~Amqp1Sink() = default;

void Amqp1Sink::write(const Batch& batch, Rejections& rejections) {
  publisher_->write(batch, rejections);
}
void Amqp1Sink::maintain() { publisher_->maintain(); }

}  // namespace eventcollect
