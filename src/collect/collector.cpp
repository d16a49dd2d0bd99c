#include "eventcollect/collector.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "collect/clock_check.hpp"
#include "collect/committer.hpp"
#include "collect/receipts.hpp"
#include "collect/ticket.hpp"
#include "collect/tracked_event.hpp"
#include "eventcollect/dead_letter.hpp"

namespace eventcollect {

using collect::add_rejections;
using collect::Committer;
using collect::Done;
using collect::EventHandlers;
using collect::on_committer_thread;
using collect::OnFailure;
using collect::Outcome;
using collect::receipt_of;
using collect::SteadyTime;
using collect::tracked_event;
using collect::with_clock_check;
using collect::wrong_clock;

namespace {

using std::chrono::steady_clock;

// The memory that a thread needs to take a request in, kept from one request to the next.
struct Workspace {
  Parser parser;
  Batch batch;
  std::vector<Rejection> rejections;
};

Workspace& workspace() {
  thread_local Workspace instance;
  instance.batch.clear(64 << 10);
  instance.rejections.clear();
  if (instance.rejections.capacity() > 128) instance.rejections.shrink_to_fit();
  return instance;
}

// How a submission is treated.
struct Policy {
  OnFailure on_failure = OnFailure::report;
  Acknowledge acknowledge = Acknowledge::durable;
  SteadyTime deadline = SteadyTime::max();
  SteadyTime room_deadline = SteadyTime::min();
};

// A submission that waits for the sink.
struct Pending {
  Completion completion;
  Receipt receipt;                           // by the rules
  std::vector<std::size_t> rejected_before;  // the request's indexes of what the rules rejected

  void settle(const Outcome& outcome) {
    if (outcome.failure != nullptr) return completion({}, outcome.failure);
    add_rejections(receipt, outcome.rejections, rejected_before);
    completion(receipt, nullptr);
  }
};

std::vector<std::size_t> indexes_of(const std::vector<Rejection>& rejections) {
  std::vector<std::size_t> indexes;
  indexes.reserve(rejections.size());
  for (const Rejection& rejection : rejections) indexes.push_back(rejection.index);
  return indexes;
}

// One thread's wait for the answer to its own submission.
class Waiter {
 public:
  Completion completion() {
    return [this](const Receipt& receipt, const Error* failure) { settle(receipt, failure); };
  }

  Receipt wait() {
    std::unique_lock lock{mutex_};
    settled_.wait(lock, [&] { return is_settled_; });
    if (failure_) throw Error{*failure_};
    return std::move(receipt_);
  }

 private:
  void settle(const Receipt& receipt, const Error* failure) {
    const std::lock_guard lock{mutex_};
    if (failure != nullptr) failure_ = *failure;
    receipt_ = receipt;
    is_settled_ = true;
    settled_.notify_one();  // under the lock: the waiter may be gone once it sees is_settled_
  }

  std::mutex mutex_;
  std::condition_variable settled_;
  bool is_settled_ = false;
  std::optional<Error> failure_;
  Receipt receipt_;
};

Error not_admitted(Committer::Admission admission) {
  return admission == Committer::Admission::full
             ? Error{Error::unavailable, "the queue is full"}
             : Error{Error::unavailable, "the collector is closed"};
}

Committer::Options committer_options(const CollectorOptions& from, std::size_t max_queue_bytes,
                                     EventHandlers handlers) {
  return {.queue = {max_queue_bytes, from.max_batch_bytes},
          .health = {from.maintain_interval, from.acknowledge_timeout},
          .events = std::move(handlers),
          .on_failure = from.on_failure,
          .on_recovery = from.on_recovery};
}

}  // namespace

struct Collector::State {
  State(std::shared_ptr<Sink> sink, CollectorOptions options_);

  const CollectorOptions options;
  std::shared_ptr<Committer> letters;  // null where rejected events go nowhere
  std::atomic<std::uint64_t> accepted{0};
  std::array<std::atomic<std::uint64_t>, all_codes.size()> rejected{};
  std::shared_ptr<Committer> events;

  std::optional<Error> judge(std::string_view body, const RequestInfo& info, Workspace& space);
  Policy client_policy() const;
  Committer::Admission submit(const Workspace& space, const Policy& policy, Completion completion);
  void lose(const Workspace& space, const Error& failure);
  void reject(const Event& event, std::string_view why);
  void count_rejected(const Rejection& rejection);
  void send_letters(TimePoint now, const std::vector<Rejection>& rejections);
};

Collector::State::State(std::shared_ptr<Sink> sink, CollectorOptions options_)
    : options{std::move(options_)} {
  if (!sink) throw std::invalid_argument{"a Collector needs a sink"};
  if (options.clock == nullptr) throw std::invalid_argument{"a Collector needs a clock"};
  if (options.dead_letters) {
    letters = Committer::start(options.dead_letters,
                               committer_options(options, options.max_dead_letter_queue_bytes, {}));
  }
  EventHandlers handlers;
  handlers.on_lost = options.on_lost;
  handlers.on_rejected = [this](const Event& event, std::string_view why) { reject(event, why); };
  events =
      Committer::start(with_clock_check(std::move(sink), *options.clock),
                       committer_options(options, options.max_queue_bytes, std::move(handlers)));
}

// Reads the body into the workspace. Says why not where the clock cannot be believed.
std::optional<Error> Collector::State::judge(std::string_view body, const RequestInfo& info,
                                             Workspace& space) {
  const TimePoint now = options.clock->now();
  if (auto failure = wrong_clock(now)) return failure;
  space.parser.parse(body, info.format, {now, info.context}, options.rules, space.batch,
                     space.rejections);
  for (const Rejection& rejection : space.rejections) count_rejected(rejection);
  if (!space.rejections.empty()) send_letters(now, space.rejections);
  return {};
}

// How the events of a client's request are treated.
Policy Collector::State::client_policy() const {
  Policy policy;
  policy.acknowledge = options.acknowledge;
  if (options.acknowledge == Acknowledge::accepted) policy.on_failure = OnFailure::keep;
  policy.deadline = steady_clock::now() + options.acknowledge_timeout;
  return policy;
}

// Queues the workspace's events, if there are any. `completion` is called once: here, unless their
// durability is waited for.
Committer::Admission Collector::State::submit(const Workspace& space, const Policy& policy,
                                              Completion completion) {
  Receipt receipt = receipt_of(space.rejections, space.batch.size());
  if (space.batch.empty()) {
    completion(receipt, nullptr);
    return Committer::Admission::queued;
  }
  const std::size_t count = space.batch.size();
  // Shared, since a submission that is not admitted leaves the completion here.
  const auto pending = std::make_shared<Pending>(
      Pending{std::move(completion), std::move(receipt), indexes_of(space.rejections)});
  const bool waits = policy.acknowledge == Acknowledge::durable;
  Done done;
  if (waits) done = [pending](const Outcome& outcome) { pending->settle(outcome); };
  const auto admission = events->submit(space.batch, policy.on_failure, std::move(done),
                                        policy.deadline, policy.room_deadline);
  if (admission != Committer::Admission::queued) {
    const Error failure = not_admitted(admission);
    pending->settle({.failure = &failure});
    return admission;
  }
  accepted.fetch_add(count, std::memory_order_relaxed);
  if (!waits) pending->settle({});
  return admission;
}

// Says that the workspace's tracked events could not even be queued.
void Collector::State::lose(const Workspace& space, const Error& failure) {
  events->count_lost(space.batch.size());
  if (!options.on_lost) return;
  // A copy: the handler may collect, too, and so use this thread's workspace.
  const Batch lost = space.batch;
  for (const Event& event : lost) options.on_lost(event, failure.what());
}

// Counts what the sink rejected, and keeps it as a dead letter.
void Collector::State::reject(const Event& event, std::string_view why) {
  const Rejection rejection{.event_id = event.id,
                            .code = code::sink_rejected,
                            .message = std::string{why},
                            .raw = std::string{event.line}};
  count_rejected(rejection);
  send_letters(options.clock->now(), {rejection});
}

void Collector::State::count_rejected(const Rejection& rejection) {
  rejected[code_index(rejection.code)].fetch_add(1, std::memory_order_relaxed);
}

void Collector::State::send_letters(TimePoint now, const std::vector<Rejection>& rejections) {
  if (!letters) return;
  Batch batch;
  for (const Rejection& rejection : rejections) {
    append_dead_letter(batch, now, DeadLetterOrigin::ingest, rejection);
  }
  // Whether they fit is counted there; good events do not wait for it.
  letters->submit(batch, OnFailure::drop, {}, SteadyTime::max());
}

Collector::Collector(std::shared_ptr<Sink> sink, CollectorOptions options)
    : state_{std::make_unique<State>(std::move(sink), std::move(options))} {}

Collector::~Collector() { close(state_->options.drain_timeout); }

Receipt Collector::collect(std::string_view body, const RequestInfo& info) {
  if (on_committer_thread()) {
    throw std::logic_error{"a blocking collect from a completion, a handler or a sink"};
  }
  Workspace& space = workspace();
  if (const auto failure = state_->judge(body, info, space)) throw Error{*failure};
  Policy policy = state_->client_policy();
  if (state_->options.when_full == WhenFull::wait) policy.room_deadline = policy.deadline;
  Waiter waiter;
  state_->submit(space, policy, waiter.completion());
  return waiter.wait();
}

void Collector::collect(std::string_view body, Completion completion, const RequestInfo& info) {
  Workspace& space = workspace();
  if (const auto failure = state_->judge(body, info, space)) return completion({}, &*failure);
  state_->submit(space, state_->client_policy(), std::move(completion));
}

Ticket Collector::track(std::string_view name, const Properties& properties,
                        const TrackOptions& options) {
  const auto ticket = std::make_shared<Ticket::State>();
  Workspace& space = workspace();
  const std::string text = tracked_event(name, properties, state_->options.clock->now(), options);
  if (const auto failure = state_->judge(text, {}, space)) {
    ticket->settle({}, &*failure);
    return Ticket{ticket};
  }
  const auto admission = state_->submit(
      space, {.on_failure = OnFailure::keep},
      [ticket](const Receipt& receipt, const Error* failure) { ticket->settle(receipt, failure); });
  if (admission != Committer::Admission::queued) {
    state_->lose(space, not_admitted(admission));
  }
  return Ticket{ticket};
}

bool Collector::close(std::chrono::milliseconds timeout) {
  if (on_committer_thread()) {
    throw std::logic_error{"a collector is closed by a completion, a handler or a sink"};
  }
  const SteadyTime deadline = steady_clock::now() + timeout;
  const bool all_written = state_->events->close(timeout);
  if (state_->letters) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    state_->letters->close(std::max(left, std::chrono::milliseconds{0}));
  }
  return all_written;
}

bool Collector::ready() const { return state_->events->ready(); }

bool Collector::is_clock_wrong() const {
  return wrong_clock(state_->options.clock->now()).has_value();
}

const Rules& Collector::rules() const { return state_->options.rules; }

CollectorStatistics Collector::statistics() const {
  CollectorStatistics snapshot;
  snapshot.sink = state_->events->statistics();
  if (state_->letters) snapshot.dead_letters = state_->letters->statistics();
  snapshot.events_accepted = state_->accepted.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < snapshot.events_rejected.size(); ++i) {
    snapshot.events_rejected[i] = state_->rejected[i].load(std::memory_order_relaxed);
  }
  return snapshot;
}

}  // namespace eventcollect
