#include <fmt/format.h>
#include <proton/delivery.h>
#include <proton/disposition.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "drivers/amqp1/arrival.hpp"
#include "drivers/amqp1/connection.hpp"
#include "drivers/amqp1/link.hpp"
#include "drivers/amqp1/options.hpp"
#include "eventcollect/amqp1.hpp"
#include "eventcollect/stored_event.hpp"
#include "sink/delivery_room.hpp"

namespace eventcollect {

using namespace amqp1;
using std::chrono::steady_clock;

namespace {

constexpr auto max_wait = std::chrono::hours{24};  // so that any wait can be added to now
constexpr std::size_t max_credit = 1'000'000;

}  // namespace

class Amqp1Source::Consumer {
 public:
  explicit Consumer(Amqp1Options options) : options_{std::move(options)} {
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
    // A broker that syncs each acknowledgement needs a while for many, and forgets those that it
    // has not read when the connection goes.
    if (connection_) connection_->close(steady_clock::now() + options_.timeout);
  }

  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  void read(Delivery& delivery, const ReadLimits& limits) {
    const std::lock_guard lock{mutex_};
    try {
      if (failure_) throw ConnectionLost{*std::exchange(failure_, {})};
      get_ready();
      if (delivery.session != session_) delivery.clear();
      grant_credit(limits.max_events);
      gather(delivery, limits);
    } catch (...) {  // also where memory is short: a message may be half taken
      lose();
      delivery.clear();
      throw;
    }
  }

  void acknowledge(const Delivery& delivery) {
    const std::lock_guard lock{mutex_};
    if (!connection_ || delivery.session != session_) return;
    try {
      for (; acknowledged_ < delivery.position && !unsettled_.empty(); ++acknowledged_) {
        pn_delivery_update(unsettled_.front(), PN_ACCEPTED);
        pn_delivery_settle(unsettled_.front());
        unsettled_.pop_front();
      }
      connection_->flush(steady_clock::now() + options_.timeout);
    } catch (...) {
      lose();
      throw;
    }
  }

 private:
  void get_ready() {
    if (connection_) return;
    const SteadyTime deadline = steady_clock::now() + options_.timeout;
    auto connection = connect(options_, host_, deadline);
    receiver_ = attach_receiver(*connection, options_.queue, deadline);
    connection_ = std::move(connection);
    ++session_;
    acknowledged_ = 0;
    window_ = 0;
  }

  // While one delivery is written, the broker sends the next.
  void grant_credit(std::size_t max_events) {
    window_ = std::max(window_, 2 * std::min(max_events, max_credit / 2));
    const std::size_t granted =
        unsettled_.size() + static_cast<std::size_t>(std::max(pn_link_credit(receiver_), 0));
    // In few portions: each is a frame.
    if (granted < window_ - window_ / 4) {
      pn_link_flow(receiver_, static_cast<int>(window_ - granted));
    }
  }

  void gather(Delivery& delivery, const ReadLimits& limits) {
    sink::DeliveryRoom room{delivery, limits};
    SteadyTime until =
        steady_clock::now() + std::min<std::chrono::milliseconds>(limits.wait, max_wait);
    do {
      for (; arrival_.is_complete(receiver_); until = at_once) {
        if (!room.fits(arrival_.body().size())) return;
        room.take(arrival_.body().size());
        deliver(delivery);
      }
    } while (!room.is_full() && connection_->receive(until) != nullptr);
  }

  // Moves the message that has arrived.
  void deliver(Delivery& delivery) {
    if (auto rejection = reader_.append(arrival_.body(), delivery.batch)) {
      if (arrival_.is_cut()) rejection->raw_bytes = arrival_.message_bytes();
      delivery.rejections.push_back(std::move(*rejection));
    }
    unsettled_.push_back(arrival_.take(receiver_));
    delivery.session = session_;
    delivery.position = acknowledged_ + unsettled_.size();
  }

  // Keeps the connection alive between reads. What comes is held by the engine, within its window.
  void keep() {
    std::unique_lock lock{mutex_};
    // Also for the heartbeats that the broker wants, whose rhythm is its own.
    const auto often =
        std::min<std::chrono::milliseconds>(options_.heartbeat / 4, std::chrono::seconds{1});
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
      while (connection_->receive(at_once) != nullptr) {
      }
    } catch (const ConnectionLost& error) {
      lose();
      failure_ = error;
    }
  }

  void lose() {
    connection_.reset();
    arrival_.clear();
    unsettled_.clear();
  }

  Amqp1Options options_;
  std::mutex mutex_;  // of all below: the engine is for one thread at a time
  std::condition_variable stopping_;
  bool is_stopping_ = false;
  std::size_t host_ = 0;
  std::unique_ptr<Connection> connection_;
  pn_link_t* receiver_ = nullptr;          // of the connection
  std::optional<ConnectionLost> failure_;  // that the keeper met and read() has to tell
  std::uint64_t session_ = 0;
  std::uint64_t acknowledged_ = 0;  // how many messages were, in this session
  std::size_t window_ = 0;          // how many the broker may send ahead of that
  std::deque<pn_delivery_t*> unsettled_;
  Arrival arrival_;
  StoredEventReader reader_;
  std::thread keeper_;
};

Amqp1Source::Amqp1Source(Amqp1Options options)
    : consumer_{std::make_unique<Consumer>(std::move(options))} {}
Amqp1Source::~Amqp1Source() = default;

bool Amqp1Source::read(Delivery& delivery, const ReadLimits& limits) {
  consumer_->read(delivery, limits);
  return true;
}
void Amqp1Source::acknowledge(const Delivery& delivery) { consumer_->acknowledge(delivery); }

}  // namespace eventcollect
