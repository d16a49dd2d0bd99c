#include "collect/workspace.hpp"

#include <utility>

namespace eventcollect::collect {
namespace {

// Without a destructor: it can still be read when the thread's own objects are gone.
thread_local bool is_slot_gone = false;

struct Slot {
  std::unique_ptr<Workspace> free;
  ~Slot() { is_slot_gone = true; }
};

thread_local Slot slot;

}  // namespace

WorkspaceLease::WorkspaceLease() {
  if (!is_slot_gone) space_ = std::move(slot.free);
  if (!space_) space_ = std::make_unique<Workspace>();
}

WorkspaceLease::~WorkspaceLease() {
  if (is_slot_gone || slot.free) return;
  space_->batch.clear(64 << 10);
  space_->rejections.clear();
  if (space_->rejections.capacity() > 128) space_->rejections.shrink_to_fit();
  slot.free = std::move(space_);
}

}  // namespace eventcollect::collect
