#include "collect/intake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/forks.hpp"
#include "collect/calls_out.hpp"
#include "collect/clock_check.hpp"
#include "collect/receipts.hpp"
#include "collect/ticket.hpp"
#include "collect/tracked_event.hpp"
#include "collect/waiter.hpp"
#include "sink/guard.hpp"

namespace eventcollect::collect {

using std::chrono::steady_clock;

// How a submission is treated.
struct Intake::Policy {
  OnFailure on_failure = OnFailure::report;
  Acknowledge acknowledge = Acknowledge::durable;
  SteadyTime deadline = SteadyTime::max();
  SteadyTime room_deadline = SteadyTime::min();
};

// A submission that waits for the sink.
struct Intake::Pending {
  // Of what the rules left of a request.
  Pending(Completion completion_, const Workspace& space)
      : completion{std::move(completion_)},
        receipt{receipt_of(space.rejections, space.batch.size())} {
    rejected_before.reserve(space.rejections.size());
    for (const Rejection& one : space.rejections) rejected_before.push_back(one.index);
  }

  void settle(const Outcome& outcome) {
    const CallingOut calling_out;
    if (outcome.failure != nullptr) return completion({}, outcome.failure);
    try {
      add_rejections(receipt, outcome.rejections, rejected_before);
    } catch (const std::bad_alloc&) {
      return completion({}, &sink::out_of_memory());
    }
    completion(receipt, nullptr);
  }

  Completion completion;
  Receipt receipt;                           // by the rules
  std::vector<std::size_t> rejected_before;  // the request's indexes of what the rules rejected
};

namespace {

Committer::Options committer_options(const CollectorOptions& from, std::size_t max_queue_bytes,
                                     EventHandlers handlers) {
  return {.queue = {max_queue_bytes, from.max_batch_bytes},
          .health = {from.maintain_interval, from.acknowledge_timeout},
          .events = std::move(handlers),
          .on_failure = from.on_failure,
          .on_recovery = from.on_recovery};
}

void check(const CollectorOptions& options) {
  if (options.clock == nullptr) throw std::invalid_argument{"a Collector needs a clock"};
  if (options.maintain_interval <= options.maintain_interval.zero()) {
    throw std::invalid_argument{fmt::format("maintain_interval must be greater than 0, got {}ms",
                                            options.maintain_interval.count())};
  }
}

}  // namespace

Intake::Intake(std::shared_ptr<Sink> sink, CollectorOptions options)
    : Intake{std::move(sink), std::exchange(options.dead_letters, nullptr), std::move(options)} {}

// The options do not hold the sink of the letters, which is let go when it is closed.
Intake::Intake(std::shared_ptr<Sink> sink, const std::shared_ptr<Sink>& letters,
               CollectorOptions&& options)
    : options_{std::move(options)},
      forks_{base::forks()},
      spare_ticket_{std::make_shared<Ticket::State>()} {
  if (!sink) throw std::invalid_argument{"a Collector needs a sink"};
  check(options_);
  try {
    start_committers(std::move(sink), letters);
  } catch (...) {
    if (letters_) letters_->close(options_.drain_timeout);
    throw;
  }
}

void Intake::start_committers(std::shared_ptr<Sink> sink, const std::shared_ptr<Sink>& letters) {
  if (letters) {
    letters_ = std::make_unique<IngestLetters>(
        letters, options_.max_dead_letter_bytes_per_minute,
        committer_options(options_, options_.max_dead_letter_queue_bytes, {}));
  }
  EventHandlers handlers;
  handlers.on_lost = options_.on_lost;
  handlers.on_rejected = [this](const Event& event, std::string_view why) { reject(event, why); };
  auto options = committer_options(options_, options_.max_queue_bytes, std::move(handlers));
  options.check = [clock = options_.clock] {
    if (const auto wrong = wrong_clock(clock->now())) throw Error{*wrong};
  };
  events_ = Committer::start(std::move(sink), std::move(options));
}

bool Intake::is_forked() const { return base::forks() != forks_; }

// Why nothing is taken, if so. Asked before all else: in a child of fork each lock may be held by a
// thread that the child does not have, and the clock need not outlive the collector.
std::optional<Error> Intake::refusal() const {
  if (is_forked()) {
    return Error{Error::unavailable, "the collector belongs to the parent of this process"};
  }
  if (is_closed_) return Error{Error::unavailable, "the collector is closed"};
  return {};
}

// Reads the body into the workspace, or says why nothing is taken.
std::optional<Error> Intake::judge(std::string_view body, const RequestInfo& info,
                                   Workspace& space) {
  if (auto refused = refusal()) return refused;
  const TimePoint now = options_.clock->now();
  if (auto wrong = wrong_clock(now)) return wrong;
  space.parser.parse(body, info.format, {now, info.context, info.upload_time}, options_.rules,
                     space.batch, space.rejections);
  for (const Rejection& rejection : space.rejections) count_rejected(rejection);
  if (letters_) letters_->add(now, space.rejections);
  return {};
}

// How the events of a client's request are treated.
Intake::Policy Intake::client_policy() const {
  Policy policy;
  policy.acknowledge = options_.acknowledge;
  if (options_.acknowledge == Acknowledge::accepted) policy.on_failure = OnFailure::keep;
  policy.deadline = steady_clock::now() + options_.acknowledge_timeout;
  return policy;
}

// Queues the workspace's events, if there are any, or says why not. Where it does not, `pending` is
// settled once: here, unless the events' durability is waited for.
std::optional<Error> Intake::submit(const Workspace& space, const Policy& policy,
                                    const std::shared_ptr<Pending>& pending) {
  if (space.batch.empty()) {
    pending->settle({});
    return {};
  }
  const std::size_t count = space.batch.size();
  const bool waits = policy.acknowledge == Acknowledge::durable;
  Done done;
  if (waits) done = [pending](const Outcome& outcome) { pending->settle(outcome); };
  auto refused = events_->submit(space.batch, policy.on_failure, std::move(done), policy.deadline,
                                 policy.room_deadline);
  if (refused) return refused;
  accepted_.fetch_add(count, std::memory_order_relaxed);
  if (!waits) pending->settle({});
  return {};
}

Receipt Intake::collect(std::string_view body, const RequestInfo& info) {
  if (is_calling_out()) {
    throw std::logic_error{"a blocking collect from a completion, a handler or a sink"};
  }
  const WorkspaceLease lease;
  Workspace& space = *lease;
  if (auto refused = judge(body, info, space)) throw Error{*refused};
  Policy policy = client_policy();
  if (options_.when_full == WhenFull::wait) policy.room_deadline = policy.deadline;
  Waiter waiter;
  const auto pending = std::make_shared<Pending>(waiter.completion(), space);
  if (auto refused = submit(space, policy, pending)) throw Error{*refused};
  return waiter.wait();
}

void Intake::collect(std::string_view body, Completion completion, const RequestInfo& info) {
  if (!completion) throw std::invalid_argument{"collect needs a completion"};
  const WorkspaceLease lease;
  Workspace& space = *lease;
  auto refused = judge(body, info, space);
  const auto pending = std::make_shared<Pending>(std::move(completion), space);
  if (!refused) refused = submit(space, client_policy(), pending);
  if (!refused) return;
  // A completion that sends again at each failure would go round without end.
  if (is_calling_out()) throw Error{*refused};
  pending->settle({.failure = &*refused});
}

Ticket Intake::track(std::string_view name, const Properties& properties,
                     const TrackOptions& options) {
  // What on_lost is given where the rules have not made an event of it.
  Event given;
  given.name = name;
  given.properties = properties.json();
  if (!options.url.empty()) given.url = options.url;
  try {
    return track(given, properties, options);
  } catch (const std::bad_alloc&) {
    return lose(given, sink::out_of_memory(), spare_ticket_);
  }
}

Ticket Intake::track(const Event& given, const Properties& properties,
                     const TrackOptions& options) {
  const auto ticket = std::make_shared<Ticket::State>();
  if (const auto refused = refusal()) return lose(given, *refused, ticket);
  const WorkspaceLease lease;
  Workspace& space = *lease;
  const std::string text = tracked_event(given.name, properties, options_.clock->now(), options);
  if (const auto refused = judge(text, {}, space)) return lose(given, *refused, ticket);
  const auto refused = submit_tracked(
      space, [ticket](const Receipt& receipt, const Error* why) { ticket->settle(receipt, why); });
  if (!space.rejections.empty()) {
    report_loss(options_.on_lost, given, Ticket{ticket}.reason());
  } else if (refused) {
    return lose(space.batch.front(), *refused, ticket);
  }
  return Ticket{ticket};
}

std::optional<Error> Intake::submit_tracked(const Workspace& space, Completion settle) {
  const auto on_failure = is_reporting_loss() ? OnFailure::keep_unreported : OnFailure::keep;
  return submit(space, {.on_failure = on_failure},
                std::make_shared<Pending>(std::move(settle), space));
}

// Of a tracked event that could not be queued.
Ticket Intake::lose(const Event& event, const Error& why,
                    const std::shared_ptr<Ticket::State>& ticket) {
  ticket->settle({}, &why);
  if (!is_forked()) events_->count_lost(1);
  report_loss(options_.on_lost, event, why.what());
  return Ticket{ticket};
}

// Counts what the sink rejected, and keeps it as a dead letter.
void Intake::reject(const Event& event, std::string_view why) {
  rejected_[code_index(code::sink_rejected)].fetch_add(1, std::memory_order_relaxed);
  if (!letters_) return;
  try {
    const Rejection rejection{.event_id = event.id,
                              .code = code::sink_rejected,
                              .message = std::string{why},
                              .raw = std::string{event.line}};
    letters_->add(options_.clock->now(), {&rejection, 1});
  } catch (const std::bad_alloc&) {
    letters_->count_lost(1);
  }
}

void Intake::count_rejected(const Rejection& rejection) {
  rejected_[code_index(rejection.code)].fetch_add(1, std::memory_order_relaxed);
}

bool Intake::close(std::chrono::milliseconds timeout) {
  if (is_forked()) return false;
  if (is_calling_out()) {
    throw std::logic_error{"a collector is closed by a completion, a handler or a sink"};
  }
  is_closed_ = true;
  const SteadyTime deadline = steady_clock::now() + timeout;
  const bool all_written = events_->close(timeout);
  if (letters_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    letters_->close(std::max(left, std::chrono::milliseconds{0}));
  }
  return all_written;
}

bool Intake::ready() const { return !is_forked() && events_->ready(); }

// Not asked of one that is closed, whose clock may be gone.
bool Intake::is_clock_wrong() const {
  return !refusal() && wrong_clock(options_.clock->now()).has_value();
}

CollectorStatistics Intake::statistics() const {
  CollectorStatistics snapshot;
  snapshot.name = options_.name;
  if (!is_forked()) {
    snapshot.sink = events_->statistics();
    if (letters_) snapshot.dead_letters = letters_->statistics();
  }
  if (letters_) {
    snapshot.dead_letters_over_rate = letters_->over_rate();
  } else {
    snapshot.dead_letters.ready = true;
  }
  snapshot.events_accepted = accepted_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < snapshot.events_rejected.size(); ++i) {
    snapshot.events_rejected[i] = rejected_[i].load(std::memory_order_relaxed);
  }
  return snapshot;
}

}  // namespace eventcollect::collect
