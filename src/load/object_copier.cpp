#include "load/object_copier.hpp"

#include <utility>

#include "pump/rejection_streak.hpp"
#include "sink/guard.hpp"

namespace eventcollect::loading {

using objects::EventObject;
using sink::checked_write;
using sink::guard;

namespace {

// Thrown where an object that was listed is not there any more.
struct Vanished {};

}  // namespace

ObjectCopier::ObjectCopier(ObjectStore& store, LedgerSink& ledger, bool ledger_retries,
                           const Selection& selection, const LoadOptions& options,
                           const std::stop_token& stop, LoadRetry& retry, OnProgress on_progress)
    : store_{store},
      ledger_{ledger},
      ledger_retries_{ledger_retries},
      selection_{selection},
      options_{options},
      stop_{stop},
      retry_{retry},
      on_progress_{std::move(on_progress)},
      letters_{options, retry} {}

ObjectCopier::Result ObjectCopier::copy(const ListedObject& object, LoadState& state) {
  letters_.clear();
  delivery_.clear();
  try {
    auto reader = store_.get(object.key);
    if (reader == nullptr) return Result::gone;
    EventObject events{std::move(reader)};
    if (!copy_events(object, events, state)) return Result::stopped;
  } catch (const Vanished&) {
    return Result::gone;
  }
  ++state.statistics.objects;
  state.statistics.bytes += object.bytes;
  return Result::copied;
}

// False where a stop came in between.
bool ObjectCopier::copy_events(const ListedObject& object, EventObject& events, LoadState& state) {
  while (read_some(object, events)) {
    if (stop_.stop_requested()) return false;
    if (!selection_.is_whole()) select(state);
    rejections_.clear();
    if (!delivery_.batch.empty()) write(state);
    letters_.add(delivery_, rejections_);
    state.statistics.unreadable += delivery_.rejections.size();
    delivery_.clear();
    on_progress_(events.compressed_bytes());
  }
  if (!events.damage().empty()) {
    letters_.add_damaged(object.key, events.damage());
    ++state.statistics.damaged_objects;
  }
  letters_.flush();
  return true;
}

// Appends to the delivery. False at the end of the object.
bool ObjectCopier::read_some(const ListedObject& object, EventObject& events) {
  try {
    return events.read(delivery_, options_.max_batch_events, options_.max_batch_bytes);
  } catch (const Error&) {
    if (store_.get(object.key) != nullptr) throw;
    throw Vanished{};
  }
}

void ObjectCopier::select(LoadState& state) {
  selected_.clear();
  selection_.choose(delivery_.batch, selected_);
  state.statistics.events_passed_over += delivery_.batch.size() - selected_.size();
  std::swap(delivery_.batch, selected_);
}

void ObjectCopier::write(LoadState& state) {
  const Batch& batch = delivery_.batch;
  const auto write_batch = [&] {
    if (const auto error = guard([&] { checked_write(ledger_, batch, rejections_); }))
      throw Error{*error};
  };
  if (ledger_retries_) {
    retry_.once(write_batch);
  } else {
    write_batch();
  }
  retry_.once(
      [&] { state.streak = pumping::extended(state.streak, delivery_, rejections_, false); });
  state.statistics.events += batch.size() - rejections_.size();
  state.statistics.rejected += rejections_.size();
}

}  // namespace eventcollect::loading
