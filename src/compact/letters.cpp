#include "compact/letters.hpp"

#include "eventcollect/dead_letter.hpp"

namespace eventcollect::compaction {

using objects::write_event_object;

namespace {

constexpr std::size_t piece_bytes = std::size_t{256} << 10;

}  // namespace

void Letters::add(const Rejection& rejection) {
  const std::lock_guard lock{mutex_};
  append_dead_letter(batch_, clock_.now(), DeadLetterOrigin::pump, rejection);
  if (batch_.bytes() >= piece_bytes) write();
}

void Letters::commit() {
  if (!batch_.empty()) write();
  if (object_ == nullptr) return;
  object_->commit();
  object_.reset();
}

void Letters::write() {
  if (object_ == nullptr) object_ = write_event_object(store_.write(key_));
  object_->append(batch_.ndjson());
  batch_.clear();
}

}  // namespace eventcollect::compaction
