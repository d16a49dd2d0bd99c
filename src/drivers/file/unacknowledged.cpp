#include "drivers/file/unacknowledged.hpp"

namespace eventcollect::file {

Unacknowledged::State Unacknowledged::state() const {
  const std::lock_guard lock{mutex_};
  State state{acknowledged_, oldest_rewound_};
  for (auto read = reads_.begin(); read != reads_.end() && !state.oldest; ++read) {
    state.oldest = read->oldest;
  }
  return state;
}

std::uint64_t Unacknowledged::add(const Place& end, std::optional<TimePoint> oldest) {
  const std::lock_guard lock{mutex_};
  reads_.push_back({++last_number_, end, oldest});
  return last_number_;
}

std::optional<Place> Unacknowledged::skip_to(const Place& place) {
  const std::lock_guard lock{mutex_};
  if (!reads_.empty()) {
    reads_.back().end = place;
    return {};
  }
  acknowledged_ = place;
  return place;
}

std::optional<Place> Unacknowledged::acknowledge(std::uint64_t number) {
  const std::lock_guard lock{mutex_};
  std::optional<Place> moved;
  while (!reads_.empty() && reads_.front().number <= number) {
    oldest_rewound_.reset();
    moved = acknowledged_ = reads_.front().end;
    reads_.pop_front();
  }
  return moved;
}

void Unacknowledged::rewind() {
  const std::lock_guard lock{mutex_};
  if (!oldest_rewound_ && !reads_.empty()) oldest_rewound_ = reads_.front().oldest;
  reads_.clear();
}

}  // namespace eventcollect::file
