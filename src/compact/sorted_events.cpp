#include "compact/sorted_events.hpp"

#include <utility>

namespace eventcollect::compaction {

MergedEvents::MergedEvents(std::vector<std::unique_ptr<SortedEvents>> runs)
    : runs_{std::move(runs)} {
  heap_.reserve(runs_.size());
  for (const auto& run : runs_) {
    SortedEvent event;
    if (run->next(event)) heap_.push_back({event, run.get()});
  }
  for (std::size_t place = heap_.size() / 2; place-- > 0;) sift_down(place);
}

bool MergedEvents::next(SortedEvent& out) {
  // The line of the last one lived until now.
  if (front_is_taken_) {
    Head& front = heap_.front();
    if (!front.run->next(front.event)) {
      front = heap_.back();
      heap_.pop_back();
    }
    if (!heap_.empty()) sift_down(0);
  }
  front_is_taken_ = !heap_.empty();
  if (front_is_taken_) out = heap_.front().event;
  return front_is_taken_;
}

void MergedEvents::sift_down(std::size_t place) {
  const Head sinking = heap_[place];
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].event < heap_[child].event) ++child;
    if (!(heap_[child].event < sinking.event)) break;
    heap_[place] = heap_[child];
    place = child;
  }
  heap_[place] = sinking;
}

}  // namespace eventcollect::compaction
