#include "compact/earlier_events.hpp"

#include <fmt/format.h>

#include <utility>

namespace eventcollect::compaction {

using objects::EventObject;
using objects::PlanOutput;

namespace {

// Little, since many plans may be read side by side.
constexpr std::size_t events_at_once = 500;
constexpr std::size_t bytes_at_once = std::size_t{128} << 10;

[[noreturn]] void reject(const std::string& key, std::string_view why) {
  throw Error{Error::misconfigured,
              fmt::format("{} {}: restore it, or remove it to have its hour compacted "
                          "without what it holds",
                          key, why)};
}

}  // namespace

EarlierEvents::EarlierEvents(ObjectStore& store, std::vector<PlanOutput> outputs)
    : store_{store}, outputs_{std::move(outputs)} {}

bool EarlierEvents::next(SortedEvent& out) {
  while (next_event_ == delivery_.batch.size()) {
    if (!read_some()) return false;
  }
  out = SortedEvent::of(delivery_.batch[next_event_++]);
  check_order(out);
  return true;
}

bool EarlierEvents::read_some() {
  delivery_.clear();
  next_event_ = 0;
  if (object_ == nullptr) {
    if (next_output_ == outputs_.size()) return false;
    auto reader = store_.get(outputs_[next_output_++].key);
    if (reader == nullptr) return true;
    object_ = std::make_unique<EventObject>(std::move(reader));
  }
  const bool is_more = object_->read(delivery_, events_at_once, bytes_at_once);
  const std::string& key = outputs_[next_output_ - 1].key;
  if (!delivery_.rejections.empty()) reject(key, "holds what is no event");
  if (!is_more) {
    if (!object_->damage().empty()) reject(key, object_->damage());
    object_.reset();
  }
  return true;
}

void EarlierEvents::check_order(const SortedEvent& event) {
  if (has_last_ && !last_.has_id_before(event)) {
    reject(outputs_[next_output_ - 1].key, "is not sorted by event_id");
  }
  last_ = event;
  last_.line = {};
  has_last_ = true;
}

}  // namespace eventcollect::compaction
