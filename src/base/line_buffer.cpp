#include "base/line_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace eventcollect::base {

bool LineBuffer::next(std::string_view& line) {
  const char* const from = buffer_.data() + begin_;
  const std::size_t bytes = end_ - begin_;
  const auto* const feed =
      static_cast<const char*>(std::memchr(from + searched_, '\n', bytes - searched_));
  if (feed == nullptr) {
    searched_ = bytes;
    return false;
  }
  line = {from, static_cast<std::size_t>(feed - from)};
  begin_ += line.size() + 1;
  searched_ = 0;
  return true;
}

std::string_view LineBuffer::take_rest() {
  const std::string_view all = rest();
  begin_ = end_;
  searched_ = 0;
  return all;
}

std::span<char> LineBuffer::room() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  if (end_ == buffer_.size()) {
    buffer_.resize(std::min(2 * buffer_.size(), std::max(buffer_.size(), max_bytes_)));
  }
  return std::span{buffer_}.subspan(end_);
}

}  // namespace eventcollect::base
