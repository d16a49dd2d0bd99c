#include "pump/rejection_streak.hpp"

#include <fmt/format.h>

#include "eventcollect/dead_letter.hpp"
#include "sink/guard.hpp"

namespace eventcollect::pumping {

using sink::guard;

namespace {

constexpr std::size_t max_rejected = 100;  // in a row, over at least two batches

[[noreturn]] void stop_at(const RejectionStreak& streak, const Delivery& delivery,
                          const Rejections& rejections) {
  if (!rejections.empty()) {
    throw Error{
        Error::misconfigured,
        fmt::format("the sink rejected the last {} events and stored none of them, so it is "
                    "hardly their fault; the last reason: {}",
                    streak.events, rejections[rejections.size() - 1].message)};
  }
  throw Error{Error::misconfigured,
              fmt::format("the last {} that were read are not events or were rejected, so it is "
                          "hardly their fault: is it the right source? The last reason: {}",
                          streak.events, delivery.rejections.back().message)};
}

// How many events at the end of the batch were rejected, with none stored after them.
std::size_t count_rejected_at_end(const Batch& batch, const Rejections& rejections) {
  if (rejections.empty()) return 0;
  std::size_t count = 0;
  while (count < batch.size() && rejections.contains(batch[batch.size() - 1 - count])) ++count;
  return count;
}

}  // namespace

RejectionStreak extended(RejectionStreak streak, const Delivery& delivery,
                         const Rejections& rejections, bool with_unreadable) {
  const std::size_t rejected = count_rejected_at_end(delivery.batch, rejections);
  const bool has_stored = rejected < delivery.batch.size();
  if (has_stored) streak = {};
  // Where the unreadable were among the events is not known: beside a stored one they don't count.
  const bool count_unreadable = with_unreadable && !has_stored;
  const std::size_t unreadable = count_unreadable ? delivery.rejections.size() : 0;
  if (rejected + unreadable == 0) return streak;
  streak.events += rejected + unreadable;
  ++streak.batches;
  if (streak.events >= max_rejected && streak.batches >= 2) stop_at(streak, delivery, rejections);
  return streak;
}

void append_letters(Batch& letters, TimePoint now, const Delivery& delivery,
                    const Rejections& rejections, const std::shared_ptr<Sink>& sink) {
  if (rejections.empty() && delivery.rejections.empty()) return;
  if (!sink) {
    throw Error{
        Error::misconfigured,
        rejections.empty()
            ? fmt::format("what was read is not an event, and there is no sink for dead "
                          "letters: {}",
                          delivery.rejections.front().message)
            : fmt::format("an event was rejected, and there is no sink for dead letters: {}",
                          rejections[0].message)};
  }
  append_dead_letters(letters, now, delivery.batch, rejections);
  for (const Rejection& rejection : delivery.rejections) {
    append_dead_letter(letters, now, DeadLetterOrigin::pump, rejection);
  }
}

void bury(const std::shared_ptr<Sink>& sink, const Batch& letters) {
  if (letters.empty()) return;
  if (const auto error = guard([&] { write_dead_letters(*sink, letters); })) {
    throw Error{error->kind(), fmt::format("dead letters could not be written: {}", error->what())};
  }
}

}  // namespace eventcollect::pumping
