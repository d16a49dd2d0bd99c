#include "eventcollect/collector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "collect/committer.hpp"
#include "eventcollect/dead_letter.hpp"
#include "json/text.hpp"

namespace eventcollect {
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

// The request's indexes of the events in its batch: all but those rejected before, which are
// sorted.
class OriginalIndex {
 public:
  explicit OriginalIndex(std::vector<std::size_t> rejected) : rejected_{std::move(rejected)} {}

  std::size_t of(std::size_t in_batch) const {
    std::size_t index = in_batch;
    for (const std::size_t rejected : rejected_) {
      if (rejected > index) break;
      ++index;
    }
    return index;
  }

 private:
  std::vector<std::size_t> rejected_;
};

std::vector<std::size_t> indexes_of(const std::vector<Rejection>& rejections) {
  std::vector<std::size_t> indexes;
  indexes.reserve(rejections.size());
  for (const Rejection& rejection : rejections) indexes.push_back(rejection.index);
  return indexes;
}

Receipt receipt_of(const std::vector<Rejection>& rejections, std::size_t accepted) {
  Receipt receipt;
  receipt.accepted = accepted;
  receipt.rejected = rejections.size();
  for (const Rejection& one : rejections) {
    if (receipt.rejections.size() == Receipt::max_listed) break;
    // Without the raw bytes, which the sender has.
    receipt.rejections.push_back({.index = one.index,
                                  .event_id = one.event_id,
                                  .code = one.code,
                                  .pointer = one.pointer,
                                  .message = one.message});
  }
  return receipt;
}

// Moves the events that the sink rejected from the accepted to the rejected.
void add_rejections(Receipt& receipt, const std::vector<Rejection>& rejections,
                    const OriginalIndex& original) {
  receipt.accepted -= rejections.size();
  receipt.rejected += rejections.size();
  for (const Rejection& rejection : rejections) {
    receipt.rejections.push_back(rejection);
    receipt.rejections.back().index = original.of(rejection.index);
  }
  std::sort(receipt.rejections.begin(), receipt.rejections.end(),
            [](const Rejection& a, const Rejection& b) { return a.index < b.index; });
  if (receipt.rejections.size() > Receipt::max_listed) {
    receipt.rejections.resize(Receipt::max_listed);
  }
}

// One thread's wait for the answer to its own submission.
struct Waiter {
  std::mutex mutex;
  std::condition_variable answered;
  bool done = false;
  std::optional<Error> failure;
  std::vector<Rejection> rejections;

  void answer(const Committer::Outcome& outcome) {
    const std::lock_guard lock{mutex};
    if (outcome.failure != nullptr) failure = *outcome.failure;
    rejections = outcome.rejections;
    done = true;
    answered.notify_one();  // under the lock: the waiter may be gone once it sees `done`
  }

  void wait() {
    std::unique_lock lock{mutex};
    answered.wait(lock, [&] { return done; });
  }
};

std::string event_text(std::string_view name, const Properties& properties, TimePoint now,
                       const TrackOptions& options) {
  std::string text = R"({"event":)";
  const auto quote = [&](std::string_view value) {
    text.push_back('"');
    json::append_escaped(text, value);
    text.push_back('"');
  };
  quote(name);
  text += R"(,"properties":)" + properties.json();
  if (!options.event_id.empty()) {
    text += R"(,"event_id":)";
    quote(options.event_id);
  }
  if (!options.url.empty()) {
    text += R"(,"url":)";
    quote(options.url);
  }
  if (options.happened_at) {
    text += fmt::format(R"(,"client_time":{},"sent_time":{})",
                        to_milliseconds(*options.happened_at), to_milliseconds(now));
  }
  text.push_back('}');
  return text;
}

Error not_admitted(Committer::Admission admission) {
  return admission == Committer::Admission::full
             ? Error{Error::unavailable, "the queue is full"}
             : Error{Error::unavailable, "the collector is closed"};
}

// `queue_bytes` bounds the queue; the handlers for events are the caller's to add.
Committer::Options committer_options(const CollectorOptions& from, std::size_t queue_bytes) {
  Committer::Options options{};
  options.max_queue_bytes = queue_bytes;
  options.max_batch_bytes = from.max_batch_bytes;
  options.maintain_interval = from.maintain_interval;
  options.timeout = from.acknowledge_timeout;
  options.on_failure = from.on_failure;
  options.on_recovery = from.on_recovery;
  return options;
}

void send_letters(const std::shared_ptr<Committer>& letters, TimePoint now,
                  const std::vector<Rejection>& rejections) {
  if (!letters) return;
  Batch batch;
  for (const Rejection& rejection : rejections) {
    append_dead_letter(batch, now, DeadLetterOrigin::ingest, rejection);
  }
  // Whether they fit is counted there; good events do not wait for it.
  letters->submit(batch, Committer::OnFailure::drop, {}, SteadyTime::max());
}

}  // namespace

struct Ticket::State {
  mutable std::mutex mutex;
  mutable std::condition_variable settled;
  Status status = Status::pending;
  std::string reason;

  void settle(Status new_status, std::string why) {
    const std::lock_guard lock{mutex};
    status = new_status;
    reason = std::move(why);
    settled.notify_all();
  }
};

bool Ticket::wait_for(std::chrono::milliseconds timeout) const {
  std::unique_lock lock{state_->mutex};
  state_->settled.wait_for(lock, timeout, [&] { return state_->status != Status::pending; });
  return state_->status == Status::durable;
}

Ticket::Status Ticket::status() const {
  const std::lock_guard lock{state_->mutex};
  return state_->status;
}

std::string Ticket::reason() const {
  const std::lock_guard lock{state_->mutex};
  return state_->reason;
}

struct Collector::State {
  State(std::shared_ptr<Sink> sink, CollectorOptions options_);

  const CollectorOptions options;
  std::shared_ptr<Committer> events;
  std::shared_ptr<Committer> letters;  // null where rejected events go nowhere
  std::atomic<std::uint64_t> accepted{0};
  std::array<std::atomic<std::uint64_t>, all_codes.size()> rejected{};

  std::optional<Error> judge(std::string_view body, const RequestInfo& info, Workspace& space);
  Committer::Admission submit(const Workspace& space, Committer::OnFailure on_sink_failure,
                              Committer::Done done, SteadyTime deadline,
                              SteadyTime room_deadline = SteadyTime::min());
  void count_rejected(const Rejection& rejection);
  Committer::OnFailure on_failure() const;
};

Collector::State::State(std::shared_ptr<Sink> sink, CollectorOptions options_)
    : options{std::move(options_)} {
  if (!sink) throw std::invalid_argument{"a Collector needs a sink"};
  if (options.clock == nullptr) throw std::invalid_argument{"a Collector needs a clock"};
  if (options.dead_letters) {
    letters = Committer::start(options.dead_letters,
                               committer_options(options, options.max_dead_letter_queue_bytes));
  }
  auto for_events = committer_options(options, options.max_queue_bytes);
  for_events.on_lost = options.on_lost;
  for_events.on_rejected = [this](const Event& event, std::string_view why) {
    const Rejection rejection{.event_id = event.id,
                              .code = code::sink_rejected,
                              .message = std::string{why},
                              .raw = std::string{event.line}};
    count_rejected(rejection);
    send_letters(letters, options.clock->now(), {rejection});
  };
  events = Committer::start(std::move(sink), std::move(for_events));
}

// Reads the body into the workspace. Says why not where the clock cannot be believed.
std::optional<Error> Collector::State::judge(std::string_view body, const RequestInfo& info,
                                             Workspace& space) {
  const TimePoint now = options.clock->now();
  if (now < build_time() || now > latest_time) {
    return Error{Error::unavailable, "the server's clock is wrong"};
  }
  space.parser.parse(body, info.format, {now, info.context}, options.rules, space.batch,
                     space.rejections);
  for (const Rejection& rejection : space.rejections) count_rejected(rejection);
  if (!space.rejections.empty()) send_letters(letters, now, space.rejections);
  return {};
}

// Queues the workspace's events.
Committer::Admission Collector::State::submit(const Workspace& space,
                                              Committer::OnFailure on_sink_failure,
                                              Committer::Done done, SteadyTime deadline,
                                              SteadyTime room_deadline) {
  const auto admission =
      events->submit(space.batch, on_sink_failure, std::move(done), deadline, room_deadline);
  if (admission == Committer::Admission::queued) {
    accepted.fetch_add(space.batch.size(), std::memory_order_relaxed);
  }
  return admission;
}

void Collector::State::count_rejected(const Rejection& rejection) {
  rejected[code_index(rejection.code)].fetch_add(1, std::memory_order_relaxed);
}

Committer::OnFailure Collector::State::on_failure() const {
  return options.acknowledge == Acknowledge::accepted ? Committer::OnFailure::keep
                                                      : Committer::OnFailure::report;
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
  Receipt receipt = receipt_of(space.rejections, space.batch.size());
  if (space.batch.empty()) return receipt;

  const CollectorOptions& options = state_->options;
  const SteadyTime deadline = steady_clock::now() + options.acknowledge_timeout;
  const SteadyTime room_deadline = options.when_full == WhenFull::wait ? deadline : SteadyTime{};
  const bool waits = options.acknowledge == Acknowledge::durable;
  Waiter waiter;
  Committer::Done done;
  if (waits) done = [&waiter](const Committer::Outcome& outcome) { waiter.answer(outcome); };
  const auto admission =
      state_->submit(space, state_->on_failure(), std::move(done), deadline, room_deadline);
  if (admission != Committer::Admission::queued) throw not_admitted(admission);
  if (!waits) return receipt;

  waiter.wait();
  if (waiter.failure) throw Error{*waiter.failure};
  if (!waiter.rejections.empty()) {
    add_rejections(receipt, waiter.rejections, OriginalIndex{indexes_of(space.rejections)});
  }
  return receipt;
}

void Collector::collect(std::string_view body, Completion completion, const RequestInfo& info) {
  Workspace& space = workspace();
  if (const auto failure = state_->judge(body, info, space)) return completion({}, &*failure);
  Receipt receipt = receipt_of(space.rejections, space.batch.size());
  if (space.batch.empty()) return completion(receipt, nullptr);

  const SteadyTime deadline = steady_clock::now() + state_->options.acknowledge_timeout;
  if (state_->options.acknowledge == Acknowledge::accepted) {
    const auto admission = state_->submit(space, state_->on_failure(), {}, deadline);
    if (admission == Committer::Admission::queued) return completion(receipt, nullptr);
    const Error failure = not_admitted(admission);
    return completion({}, &failure);
  }
  // Shared, since a submission that is turned down leaves the completion to us.
  struct Pending {
    Completion completion;
    Receipt receipt;
    OriginalIndex original;
  };
  auto pending = std::make_shared<Pending>(Pending{std::move(completion), std::move(receipt),
                                                   OriginalIndex{indexes_of(space.rejections)}});
  const auto admission = state_->submit(
      space, state_->on_failure(),
      [pending](const Committer::Outcome& outcome) {
        if (outcome.failure != nullptr) return pending->completion({}, outcome.failure);
        add_rejections(pending->receipt, outcome.rejections, pending->original);
        pending->completion(pending->receipt, nullptr);
      },
      deadline);
  if (admission == Committer::Admission::queued) return;
  const Error failure = not_admitted(admission);
  pending->completion({}, &failure);
}

Ticket Collector::track(std::string_view name, const Properties& properties,
                        const TrackOptions& options) {
  auto ticket = std::make_shared<Ticket::State>();
  Workspace& space = workspace();
  const std::string text = event_text(name, properties, state_->options.clock->now(), options);
  if (const auto failure = state_->judge(text, {}, space)) {
    ticket->settle(Ticket::Status::lost, failure->what());
    return Ticket{ticket};
  }
  if (space.batch.empty()) {
    const Rejection& rejection = space.rejections.front();
    ticket->settle(Ticket::Status::rejected,
                   fmt::format("{}: {}", rejection.code, rejection.message));
    return Ticket{ticket};
  }
  const auto admission = state_->submit(
      space, Committer::OnFailure::keep,
      [ticket](const Committer::Outcome& outcome) {
        if (outcome.failure != nullptr) {
          ticket->settle(Ticket::Status::lost, outcome.failure->what());
        } else if (!outcome.rejections.empty()) {
          const Rejection& rejection = outcome.rejections.front();
          ticket->settle(Ticket::Status::rejected,
                         fmt::format("{}: {}", rejection.code, rejection.message));
        } else {
          ticket->settle(Ticket::Status::durable, {});
        }
      },
      SteadyTime::max());
  if (admission != Committer::Admission::queued) {
    const Error failure = not_admitted(admission);
    state_->events->count_lost(1);
    if (state_->options.on_lost) {
      // A copy: the handler may collect, too, and so use this thread's workspace.
      const Batch lost = space.batch;
      state_->options.on_lost(lost.front(), failure.what());
    }
    ticket->settle(Ticket::Status::lost, failure.what());
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
