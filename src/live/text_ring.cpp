#include "live/text_ring.hpp"

#include <algorithm>

namespace eventcollect::live {

void TextRing::add(std::string_view text) {
  ++added_;
  const std::size_t size = bytes_.size();
  if (text.size() > size) return;
  // A text is in one piece: what is left at the end of the memory may be too little for it.
  if (end_ % size + text.size() > size) end_ += size - end_ % size;
  const std::uint64_t end = end_ + text.size();
  kept_ = std::min(kept_, slots_.size() - 1);
  while (kept_ > 0 && slots_[(next_ + slots_.size() - kept_) % slots_.size()].begin + size < end) {
    --kept_;
  }
  text.copy(bytes_.data() + end_ % size, text.size());
  slots_[next_] = {added_, end_, text.size()};
  next_ = (next_ + 1) % slots_.size();
  ++kept_;
  end_ = end;
}

TextRing::Text TextRing::newest(std::size_t place) const {
  const Slot& slot = slots_[(next_ + slots_.size() - 1 - place) % slots_.size()];
  return {slot.number, std::string_view{bytes_}.substr(slot.begin % bytes_.size(), slot.bytes)};
}

}  // namespace eventcollect::live
