// Events in the order in which hourly objects have them.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "eventcollect/event.hpp"

namespace eventcollect::compaction {

// What orders an event, and its line. Of equal ids the lowest server_time comes first, then the
// smaller bytes: the first one stays, in every compaction.
struct SortedEvent {
  std::uint64_t id_high = 0;  // the id's bytes as two numbers, which compare faster
  std::uint64_t id_low = 0;
  std::int64_t server_time = 0;  // milliseconds since the epoch
  std::string_view line;         // without a line feed

  static SortedEvent of(const Event& event) {
    SortedEvent sorted{0, 0, to_milliseconds(event.server_time), event.line};
    for (std::size_t i = 0; i < 8; ++i) {
      sorted.id_high = sorted.id_high << 8 | event.id.bytes[i];
      sorted.id_low = sorted.id_low << 8 | event.id.bytes[i + 8];
    }
    return sorted;
  }

  Uuid id() const {
    Uuid id;
    for (std::size_t i = 0; i < 8; ++i) {
      id.bytes[i] = static_cast<std::uint8_t>(id_high >> (56 - 8 * i));
      id.bytes[i + 8] = static_cast<std::uint8_t>(id_low >> (56 - 8 * i));
    }
    return id;
  }

  bool has_id_of(const SortedEvent& other) const {
    return id_high == other.id_high && id_low == other.id_low;
  }

  bool has_id_before(const SortedEvent& other) const {
    return id_high != other.id_high ? id_high < other.id_high : id_low < other.id_low;
  }

  friend bool operator<(const SortedEvent& a, const SortedEvent& b) {
    if (a.id_high != b.id_high) return a.id_high < b.id_high;
    if (a.id_low != b.id_low) return a.id_low < b.id_low;
    if (a.server_time != b.server_time) return a.server_time < b.server_time;
    return a.line < b.line;  // char_traits<char> compares as unsigned bytes
  }
};

// One thread at a time.
class SortedEvents {
 public:
  virtual ~SortedEvents() = default;

  // The next event, none of them before its predecessor. Its line lives until the next call. False
  // at the end. Throws Error.
  virtual bool next(SortedEvent& out) = 0;
};

// All events of `runs`, in order.
class MergedEvents final : public SortedEvents {
 public:
  explicit MergedEvents(std::vector<std::unique_ptr<SortedEvents>> runs);

  bool next(SortedEvent& out) override;

 private:
  struct Head {
    SortedEvent event;
    SortedEvents* run;
  };

  void sift_down(std::size_t place);

  std::vector<std::unique_ptr<SortedEvents>> runs_;
  std::vector<Head> heap_;  // the least is at the front
  bool front_is_taken_ = false;
};

}  // namespace eventcollect::compaction
