// Takes events in, and answers when they are durable.
//
//   Collector events{open_sink("file:events"), {.on_lost = report}};
//   Receipt receipt = events.collect(body);                         // a client's
//   Ticket paid = events.track("order_paid", {{"cents", 1999}});    // the backend's own
//
// While the sink writes one batch, arrivals gather in the next (group commit): a single event waits
// for one sync, and under load one sync serves many. While the sink is down, requests fail at once
// and tracked events wait in memory.
//
// All of it is safe from any thread, and from the destructors of static and thread_local objects as
// long as the collector lives. In a child of fork a collector of the parent's has no threads: every
// call fails at once, close() and the destructor do nothing, and what the sink has open, a lock
// among it, is shared with the parent and stays open until both have ended. A child that collects
// makes a collector and a sink of its own.
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

namespace collect {
class Intake;
}

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

// Called with a tracked event that will not be stored, and with the reason. Of an event that the
// rules rejected, or that was tracked when nothing was taken any more, only name, url and
// properties are set, as they were given.
using LostHandler = std::function<void(const Event& event, std::string_view why)>;

struct CollectorOptions {
  std::string name{};  // tells it from the process' others in metrics
  Rules rules{};
  Acknowledge acknowledge = Acknowledge::durable;
  std::chrono::milliseconds acknowledge_timeout{10'000};  // after it the outcome is in doubt
  WhenFull when_full = WhenFull::reject;
  std::size_t max_queue_bytes = 64 << 20;  // in memory, of events accepted and not yet durable
  std::size_t max_batch_bytes = 8 << 20;   // a batch begins no further request above this
  // Between calls of Sink::maintain, and the longest wait between retries. Above zero.
  std::chrono::milliseconds maintain_interval{1'000};
  std::chrono::milliseconds drain_timeout{10'000};  // for the destructor

  // Where rejected events go, or null for nowhere, which costs nothing. They never hold up good
  // ones: what is over the rate, does not fit into their queue or cannot be stored is only counted.
  std::shared_ptr<Sink> dead_letters{};
  std::size_t max_dead_letter_bytes_per_minute = 1 << 20;
  std::size_t max_dead_letter_queue_bytes = 4 << 20;

  const Clock* clock = &system_clock();  // has to outlive the collector

  // The handlers run on a thread of the collector, or on the caller's where the caller causes them.
  // They must not block, and must not throw, but for std::bad_alloc, which is ignored. Empty ones
  // are skipped. What on_lost tracks does not come to on_lost again: its ticket tells.
  LostHandler on_lost{};                           // a tracked event was given up or rejected
  std::function<void(const Error&)> on_failure{};  // a call of the sink failed
  std::function<void()> on_recovery{};             // the first success after a failure
};

// What came with a body.
struct RequestInfo {
  BodyFormat format = BodyFormat::json;
  std::string_view context{};               // a JSON object to store with each event, or empty
  std::chrono::milliseconds upload_time{};  // from the request's first byte to its last: no skew
};

// What became of a request: accepted + rejected is the number of its events.
struct Receipt {
  static constexpr std::size_t max_listed = 100;

  std::size_t accepted = 0;             // durable (or queued, for Acknowledge::accepted)
  std::size_t rejected = 0;             // by the rules or by the sink
  std::vector<Rejection> rejections{};  // the first max_listed of them, by index, without `raw`
};

// Called once. `failure` is null, or says why the accepted events are not known to be durable; it
// lives as long as the call. Must not block, must not throw. It may collect again, but does best to
// wait before: see Collector::collect.
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
  friend class collect::Intake;
  struct State;
  explicit Ticket(std::shared_ptr<State> state) : state_{std::move(state)} {}
  std::shared_ptr<State> state_;
};

class Collector {
 public:
  // Starts two threads, and two more where there are dead letters. Throws std::invalid_argument
  // where `sink` or the clock is null or maintain_interval is not above zero, and std::logic_error
  // where the sink, or that of the dead letters, is in use by another collector that is not closed:
  // a sink is called by one thread at a time. The sink is let go once the collector is closed.
  explicit Collector(std::shared_ptr<Sink> sink, CollectorOptions options = {});

  // Closes with the options' drain_timeout.
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Takes the events of a request and blocks until the accepted ones are durable. Throws Error
  // where they are not, or not known to be, within acknowledge_timeout; at once where the sink is
  // known to be down, where the queue is full, or where the clock shows a time before build_time().
  // Throws std::logic_error from a completion, a handler or a sink of any collector: it would wait
  // for itself.
  Receipt collect(std::string_view body, const RequestInfo& info = {});

  // The same without blocking: `completion` is called with what collect would return or throw, on
  // this thread or on one of the collector's. Throws std::invalid_argument where it is null. In a
  // completion, a handler or a sink, what would fail at once throws Error instead, and what meets a
  // sink that is down waits for the next attempt: so one that sends again does not spin. Throws
  // std::bad_alloc where there is no memory to queue the request: `completion` is not called then.
  void collect(std::string_view body, Completion completion, const RequestInfo& info = {});

  // Takes an event of the backend's own. Never blocks. There is no client to send it again, so the
  // event stays queued across failures of the sink, up to the queue's bound. What has to be given
  // up, also for want of memory, or is rejected by the rules or the sink, goes to on_lost, and the
  // ticket says so. A retried event may be stored after events that were tracked later.
  Ticket track(std::string_view name, const Properties& properties = {},
               const TrackOptions& options = {});

  // Takes no further events, and waits until all so far are written or `timeout` is over. Then
  // pending completions get a failure, in doubt where the sink has the events, and tracked events
  // go to on_lost. True if everything was written. No handler or completion is called after it,
  // but by calls of track() and collect() that come then. Calling it again changes nothing. Throws
  // std::logic_error from a completion, a handler or a sink, as collect does; nor may the collector
  // be destroyed there.
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
  friend class Endpoint;
  std::shared_ptr<collect::Intake> intake_;
};

}  // namespace eventcollect
