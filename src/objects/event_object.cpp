#include "objects/event_object.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace eventcollect {
namespace {

constexpr std::size_t first_buffer_bytes = std::size_t{256} << 10;
constexpr std::size_t max_line_bytes = max_stored_bytes + 1;  // which the reader rejects

}  // namespace

EventObject::EventObject(std::unique_ptr<ObjectReader> object)
    : gzip_{std::move(object)}, buffer_(first_buffer_bytes) {}

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
    const char* const from = buffer_.data() + begin_;
    const char* const feed =
        static_cast<const char*>(std::memchr(from + searched_, '\n', end_ - begin_ - searched_));
    if (feed != nullptr) {
      line = {from, static_cast<std::size_t>(feed - from)};
      begin_ += line.size() + 1;
      searched_ = 0;
      if (!std::exchange(skipping_, false)) return true;
      continue;
    }
    searched_ = end_ - begin_;
    const bool too_long = searched_ >= max_line_bytes;
    if (too_long || at_end_) {
      line = {from, searched_};
      begin_ = end_;
      searched_ = 0;
      const bool taken = !skipping_ && !line.empty() && (too_long || gzip_.damage().empty());
      if (too_long) skipping_ = true;
      if (taken) return true;
      if (at_end_) return false;
    }
    fill();
  }
}

void EventObject::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  if (end_ == buffer_.size()) {
    buffer_.resize(std::min(2 * buffer_.size(), std::max(buffer_.size(), max_line_bytes)));
  }
  const std::size_t got = gzip_.read(buffer_.data() + end_, buffer_.size() - end_);
  end_ += got;
  at_end_ = got == 0;
}

}  // namespace eventcollect
