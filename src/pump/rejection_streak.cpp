#include "pump/rejection_streak.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "eventcollect/dead_letter.hpp"
#include "sink/guard.hpp"

namespace eventcollect {
namespace {

constexpr std::size_t most_refused = 100;  // in a row, over at least two batches

[[noreturn]] void stop_at(const RefusalStreak& streak, const Delivery& delivery) {
  const auto refusals = delivery.batch.refusals();
  if (!refusals.empty()) {
    throw SinkError{SinkError::misconfigured,
                    fmt::format("the sink refused the last {} events and stored none of them, so "
                                "it is hardly their fault; the last reason: {}",
                                streak.events, refusals.back().why)};
  }
  throw SourceError{
      SourceError::misconfigured,
      fmt::format("the last {} that were read are no events or were refused, so it "
                  "is hardly their fault: is it the right source? The last reason: {}",
                  streak.events, delivery.unreadable.back().rejection.message)};
}

}  // namespace

RefusalStreak extended(RefusalStreak streak, const Delivery& delivery, bool with_unreadable) {
  const Batch& batch = delivery.batch;
  std::vector<bool> is_refused(batch.size());
  for (const Batch::Refusal& refusal : batch.refusals()) is_refused[refusal.index] = true;
  const auto last_stored = std::find(is_refused.rbegin(), is_refused.rend(), false);
  const auto refused = static_cast<std::size_t>(last_stored - is_refused.rbegin());
  const bool has_stored = refused < batch.size();
  if (has_stored) streak = {};
  // Where the unreadable were among the events is not known: beside a stored one they don't count.
  const bool count_unreadable = with_unreadable && !has_stored;
  const std::size_t unreadable = count_unreadable ? delivery.unreadable.size() : 0;
  if (refused + unreadable == 0) return streak;
  streak.events += refused + unreadable;
  ++streak.batches;
  if (streak.events >= most_refused && streak.batches >= 2) stop_at(streak, delivery);
  return streak;
}

void append_letters(Batch& letters, TimePoint now, const Delivery& delivery,
                    const std::shared_ptr<Sink>& sink) {
  const auto refusals = delivery.batch.refusals();
  if (refusals.empty() && delivery.unreadable.empty()) return;
  if (!sink) {
    throw SinkError{
        SinkError::misconfigured,
        refusals.empty()
            ? fmt::format("what was read is no event, and there is no sink for dead letters: {}",
                          delivery.unreadable.front().rejection.message)
            : fmt::format("an event was refused, and there is no sink for dead letters: {}",
                          refusals.front().why)};
  }
  append_refused(letters, now, delivery.batch);
  for (const Delivery::Unreadable& one : delivery.unreadable) {
    append_dead_letter(letters, now, DeadLetterOrigin::pump, one.rejection, one.raw);
  }
}

void bury(const std::shared_ptr<Sink>& sink, const Batch& letters) {
  if (letters.empty()) return;
  if (const auto error = guard([&] { write_dead_letters(*sink, letters); })) {
    throw SinkError{error->kind(),
                    fmt::format("dead letters could not be written: {}", error->what())};
  }
}

}  // namespace eventcollect
