// Takes events in, and answers when they are durable.
//
//   Collector events{open_sink("file:events"), {.on_lost = report}};
//   Receipt receipt = events.collect(body);                         // a client's
//   Ticket paid = events.track("order_paid", {{"cents", 1999}});    // the backend's own
//
// While the sink writes one batch, arrivals gather in the next (group commit): a single event waits
// for one sync, and under load one sync serves many. All of it is safe from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/clock.hpp"
#include "eventcollect/parser.hpp"
#include "eventcollect/properties.hpp"
#include "eventcollect/rejection.hpp"
#include "eventcollect/rules.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/statistics.hpp"

namespace eventcollect {

// What a blocking collect does while the queue is full.
enum class WhenFull : std::uint8_t {
  reject,  // throws at once
  wait,    // waits for room until its deadline, then throws
};

// What has to have happened before an event counts as accepted.
enum class Acknowledge : std::uint8_t {
  durable,   // the sink has stored it
  accepted,  // it is in memory: a crash loses it. Failed writes are retried.
};

// Called with a tracked event that will not be stored, and with the reason.
using LostHandler = std::function<void(const Event& event, std::string_view why)>;

struct CollectorOptions {
  Rules rules{};
  Acknowledge acknowledge = Acknowledge::durable;
  std::chrono::milliseconds acknowledge_timeout{10'000};  // after it the outcome is in doubt
  WhenFull when_full = WhenFull::reject;
  std::size_t max_queue_bytes = 64 << 20;  // in memory, of events accepted and not yet durable
  std::size_t max_batch_bytes = 8 << 20;   // a batch begins no further request above this
  // Between calls of Sink::maintain, and between retries.
  std::chrono::milliseconds maintain_interval{1'000};
  std::chrono::milliseconds drain_timeout{10'000};  // for the destructor

  // Where rejected events go, or null for nowhere. They never hold up good ones: what does not fit
  // into their queue, or cannot be stored, is only counted.
  std::shared_ptr<Sink> dead_letters{};
  std::size_t max_dead_letter_queue_bytes = 4 << 20;

  const Clock* clock = &system_clock();  // has to outlive the collector

  // The handlers run on a thread of the collector, or on the caller's where the caller causes them.
  // They must not block. Empty ones are skipped.
  LostHandler on_lost{};                           // a tracked event was given up
  std::function<void(const Error&)> on_failure{};  // a call of the sink failed
  std::function<void()> on_recovery{};             // the first success after a failure
};

// What came with a body.
struct RequestInfo {
  BodyFormat format = BodyFormat::json;
  std::string_view context{};  // a JSON object to store with each event, or empty
};

// What became of a request: accepted + rejected is the number of its events.
struct Receipt {
  static constexpr std::size_t max_listed = 100;

  std::size_t accepted = 0;             // durable (or queued, for Acknowledge::accepted)
  std::size_t rejected = 0;             // by the rules or by the sink
  std::vector<Rejection> rejections{};  // the first max_listed of them, by index, without `raw`
};

// Called once. `failure` is null, or says why the accepted events are not known to be durable; it
// lives as long as the call. Must not block, must not throw.
using Completion = std::function<void(const Receipt& receipt, const Error* failure)>;

struct TrackOptions {
  std::string event_id{};  // a UUID: tracking it again is the same event. By default a new one
  std::string url{};
  std::optional<TimePoint> happened_at{};  // by default now
};

// The fate of a tracked event. Copies share it. Safe from any thread.
class Ticket {
 public:
  enum class Status : std::uint8_t { pending, durable, rejected, lost };

  // Waits until it is no longer pending, at most `timeout`. True if the event is durable.
  bool wait_for(std::chrono::milliseconds timeout) const;

  Status status() const;

  // Why it was rejected or lost: a code and a sentence. Empty while it is pending or durable.
  std::string reason() const;

 private:
  friend class Collector;
  struct State;
  explicit Ticket(std::shared_ptr<State> state) : state_{std::move(state)} {}
  std::shared_ptr<State> state_;
};

class Collector {
 public:
  // Starts two threads. Throws std::invalid_argument where `sink` or the clock is null.
  explicit Collector(std::shared_ptr<Sink> sink, CollectorOptions options = {});

  // Closes with the options' drain_timeout.
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Takes the events of a request and blocks until the accepted ones are durable. Throws Error
  // where they are not, or not known to be, within acknowledge_timeout; where the queue is full; or
  // where the clock shows a time before build_time(). Throws std::logic_error from a completion, a
  // handler or a sink of any collector: it would wait for itself.
  Receipt collect(std::string_view body, const RequestInfo& info = {});

  // The same without blocking: `completion` is called with what collect would return or throw, on
  // this thread or on one of the collector's.
  void collect(std::string_view body, Completion completion, const RequestInfo& info = {});

  // Takes an event of the backend's own. Never blocks. There is no client to send it again, so the
  // event stays queued across failures of the sink, up to the queue's bound; what has to be given
  // up goes to on_lost. A retried event may be stored after events that were tracked later. A name
  // or property that the rules reject gives a rejected ticket.
  Ticket track(std::string_view name, const Properties& properties = {},
               const TrackOptions& options = {});

  // Takes no further events, and waits until all so far are written or `timeout` is over. Then
  // pending completions get a failure, in doubt where the sink has the events, and tracked events
  // go to on_lost. True if everything was written. No handler or completion is called after it.
  // Calling it again changes nothing. Throws std::logic_error from a completion, a handler or a
  // sink, as collect does; nor may the collector be destroyed there.
  bool close(std::chrono::milliseconds timeout);

  // Whether an event could be stored now: whether the sink's last call succeeded, and the present
  // one has not taken longer than acknowledge_timeout. The first is a call of maintain() that the
  // constructor causes; until it has returned, the answer is no. A clock that is wrong counts as a
  // failure of the sink: on_failure gets it within maintain_interval.
  bool ready() const;

  // Whether the clock shows a time before build_time() or after latest_time: no event can be
  // stamped, and none is accepted.
  bool is_clock_wrong() const;

  const Rules& rules() const;
  CollectorStatistics statistics() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventcollect
