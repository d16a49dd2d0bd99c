// What a reader has delivered and was not acknowledged yet.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "drivers/file/cursor.hpp"
#include "eventcollect/clock.hpp"

namespace eventcollect::file {

// Safe from any thread.
class Unacknowledged {
 public:
  // `acknowledged` is where the first read begins.
  explicit Unacknowledged(const Place& acknowledged) : acknowledged_{acknowledged} {}

  struct State {
    Place acknowledged;               // everything before it is
    std::optional<TimePoint> oldest;  // server_time of the first event after it, once it was read
  };
  State state() const;

  // Lines were read up to `end`; `oldest` is the server_time of their first event. Returns the
  // number to acknowledge them with; numbers grow.
  std::uint64_t add(const Place& end, std::optional<TimePoint> oldest);

  // Nothing is left to read before `place`. This and acknowledge() return how far everything is
  // acknowledged, or nothing where that has not moved.
  std::optional<Place> skip_to(const Place& place);

  // Acknowledges everything up to this number.
  std::optional<Place> acknowledge(std::uint64_t number);

  // Forgets what is not acknowledged, since it will be read again.
  void rewind();

 private:
  struct Read {
    std::uint64_t number;
    Place end;
    std::optional<TimePoint> oldest;
  };

  mutable std::mutex mutex_;
  Place acknowledged_;
  std::uint64_t last_number_ = 0;
  std::deque<Read> reads_;
  std::optional<TimePoint> oldest_rewound_;  // of what is to be read again
};

}  // namespace eventcollect::file
