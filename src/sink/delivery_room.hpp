// How much more a delivery may take.
#pragma once

#include <cstddef>

#include "eventcollect/source.hpp"

namespace eventcollect::sink {

// For a source that gathers a delivery message by message. Refers to the limits.
class DeliveryRoom {
 public:
  DeliveryRoom(const Delivery& delivery, const ReadLimits& limits)
      : limits_{limits}, events_{delivery.size()}, bytes_{delivery.bytes()} {}

  // Whether a message of so many bytes may come in as well.
  bool fits(std::size_t bytes) const {
    if (events_ >= limits_.max_events) return false;
    return events_ == 0 || bytes_ + bytes <= limits_.max_bytes;
  }

  void take(std::size_t bytes) {
    ++events_;
    bytes_ += bytes;
  }

  bool is_full() const {
    return events_ >= limits_.max_events || (events_ > 0 && bytes_ >= limits_.max_bytes);
  }

 private:
  const ReadLimits& limits_;
  std::size_t events_;
  std::size_t bytes_;
};

}  // namespace eventcollect::sink
