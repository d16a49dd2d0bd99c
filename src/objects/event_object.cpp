#include "objects/event_object.hpp"

#include <span>
#include <utility>

namespace eventcollect::objects {
namespace {

constexpr std::size_t first_buffer_bytes = std::size_t{256} << 10;
constexpr std::size_t max_line_bytes = max_stored_bytes + 1;  // which the reader rejects

}  // namespace

EventObject::EventObject(std::unique_ptr<ObjectReader> object)
    : gzip_{std::move(object)}, lines_{first_buffer_bytes, max_line_bytes} {}

bool EventObject::read(Delivery& delivery, std::size_t max_events, std::size_t max_bytes) {
  const std::size_t before = delivery.size();
  std::size_t bytes = delivery.bytes();
  std::string_view line;
  while (delivery.size() < max_events && bytes < max_bytes && next_line(line)) {
    if (line.empty()) continue;
    bytes += line.size() + 1;
    if (auto rejection = reader_.append(line, delivery.batch)) {
      delivery.rejections.push_back(std::move(*rejection));
    }
  }
  return delivery.size() > before;
}

// The next line without its end, which lives until the next call. False at the end.
bool EventObject::next_line(std::string_view& line) {
  for (;;) {
    if (lines_.next(line)) {
      if (!std::exchange(skipping_, false)) return true;
      continue;
    }
    const bool too_long = lines_.rest().size() >= max_line_bytes;
    if (too_long || at_end_) {
      line = lines_.take_rest();
      const bool taken = !skipping_ && !line.empty() && (too_long || gzip_.damage().empty());
      if (too_long) skipping_ = true;
      if (taken) return true;
      if (at_end_) return false;
    }
    fill();
  }
}

void EventObject::fill() {
  const std::span<char> room = lines_.room();
  const std::size_t got = gzip_.read(room.data(), room.size());
  lines_.add(got);
  at_end_ = got == 0;
}

}  // namespace eventcollect::objects
