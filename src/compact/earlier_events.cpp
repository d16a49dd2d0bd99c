#include "compact/earlier_events.hpp"

#include <fmt/format.h>

#include <utility>

namespace eventcollect {
namespace {

// Little, since many plans may be read side by side.
constexpr std::size_t events_at_once = 500;
constexpr std::size_t bytes_at_once = std::size_t{128} << 10;

[[noreturn]] void refuse(const std::string& key, std::string_view why) {
  throw StoreError{StoreError::misconfigured,
                   fmt::format("{} {}: restore it, or remove it to have its hour compacted "
                               "without what it holds",
                               key, why)};
}

}  // namespace

EarlierEvents::EarlierEvents(ObjectStore& store, std::vector<PlanOutput> outputs)
    : store_{store}, outputs_{std::move(outputs)} {}

bool EarlierEvents::next(SortedEvent& out) {
  while (rest_.empty()) {
    if (!read_some()) return false;
  }
  out = SortedEvent::of(rest_.front());
  rest_ = rest_.subspan(1);
  check_order(out);
  return true;
}

bool EarlierEvents::read_some() {
  delivery_.clear();
  rest_ = {};
  if (object_ == nullptr) {
    if (next_output_ == outputs_.size()) return false;
    auto reader = store_.get(outputs_[next_output_++].key);
    if (reader == nullptr) return true;
    object_ = std::make_unique<EventObject>(std::move(reader));
  }
  const bool is_more = object_->read(delivery_, events_at_once, bytes_at_once);
  const std::string& key = outputs_[next_output_ - 1].key;
  if (!delivery_.unreadable.empty()) refuse(key, "holds what is no event");
  if (!is_more) {
    if (!object_->damage().empty()) refuse(key, object_->damage());
    object_.reset();
  }
  rest_ = delivery_.batch.events();
  return true;
}

void EarlierEvents::check_order(const SortedEvent& event) {
  if (has_last_ && !last_.has_id_before(event)) {
    refuse(outputs_[next_output_ - 1].key, "is not sorted by event_id");
  }
  last_ = event;
  last_.line = {};
  has_last_ = true;
}

}  // namespace eventcollect
