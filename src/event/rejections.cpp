#include "eventcollect/rejections.hpp"

#include <utility>

#include "json/text.hpp"

namespace eventcollect {

void Rejections::add(const Event& event, std::string_view why) {
  if (contains(event)) return;
  if (is_rejected_.size() <= event.index) is_rejected_.resize(event.index + 1);
  list_.push_back({.index = event.index,
                   .event_id = event.id,
                   .code = code::sink_rejected,
                   .message = json::shorten(why, max_message_bytes)});
  is_rejected_[event.index] = true;
}

void Rejections::add(const Rejections& others) {
  for (const Rejection& other : others)
    add({.index = other.index, .id = *other.event_id}, other.message);
}

void Rejections::clear() {
  list_.clear();
  is_rejected_.clear();
}

std::vector<Rejection> Rejections::take() {
  is_rejected_.clear();
  return std::exchange(list_, {});
}

}  // namespace eventcollect
