// Events on their way to a sink, in both forms that sinks need.
//
//   file.append(batch.ndjson());                  // one buffer, or
//   for (const Event& event : batch)              // one by one
//     db.insert(event.id, event.line);
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventcollect/event.hpp"

namespace eventcollect {

// An ordered list of events. Reading it (const functions) is safe from any thread as long as no
// thread changes it.
class Batch {
 public:
  class Iterator;

  bool empty() const { return records_.empty(); }
  std::size_t size() const { return records_.size(); }

  // The size of ndjson(), which limits in bytes count.
  std::size_t bytes() const { return lines_.size(); }

  // Roughly the memory that the events take.
  std::size_t memory_bytes() const {
    return lines_.size() + side_.size() + records_.size() * sizeof(Record);
  }

  // The server times of all events lie between these; of an empty batch they are meaningless.
  TimePoint earliest() const { return earliest_; }
  TimePoint latest() const { return latest_; }

  // All events in order, each a line of JSON followed by '\n'. Lives until the batch changes.
  std::string_view ndjson() const { return lines_; }

  // The event at `index`, below size(). Its views live until the batch changes.
  Event operator[](std::size_t index) const;
  Event front() const { return (*this)[0]; }
  Event back() const { return (*this)[size() - 1]; }

  // All events in order. Each is made when an iterator is dereferenced.
  Iterator begin() const;
  Iterator end() const;

  // Adds a copy of `event`. Its line must be one JSON object without a line feed; its index is
  // ignored. The event must not be one of this batch.
  void append(const Event& event);

  // Adds copies of `count` events of `other` from `first` on. Not of the batch itself.
  void append(const Batch& other, std::size_t first, std::size_t count);
  void append(const Batch& other) { append(other, 0, other.size()); }

  // Empties it and keeps the memory for reuse, at most `keep_bytes` of each buffer.
  void clear(std::size_t keep_bytes = std::size_t{1} << 20);

 private:
  // A piece of text: in its event's line, or in side_ if the line has it only in escaped form.
  struct Slice {
    enum class Place : std::uint8_t { absent, line, side };
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    Place place = Place::absent;
  };

  struct Record {
    // Sets everything but the slices: to clear it first would cost as much again.
    Record(const Event& event, std::size_t line_begin, std::size_t side_begin)
        : id{event.id},
          line_offset{line_begin},
          side_offset{side_begin},
          line_bytes{static_cast<std::uint32_t>(event.line.size())},
          server_time{event.server_time},
          event_time{event.event_time},
          client_time{event.client_time},
          sent_time{event.sent_time} {}

    Uuid id;
    std::size_t line_offset;
    std::size_t side_offset;
    std::uint32_t line_bytes;
    std::uint32_t side_bytes = 0;
    Slice name;
    Slice url;
    Slice properties;
    Slice context;
    Slice violations;
    TimePoint server_time;
    TimePoint event_time;
    std::optional<TimePoint> client_time;
    std::optional<TimePoint> sent_time;
  };

  class Addition;

  void stretch(TimePoint time) {
    if (time < earliest_) earliest_ = time;
    if (time > latest_) latest_ = time;
  }
  inline void keep(std::string_view text, const Event& event, Record& record, Slice& slice);
  void keep_aside(std::string_view text, Record& record, Slice& slice);
  std::string_view text_of(const Slice& slice, const Record& record) const;

  std::string lines_;
  std::string side_;
  TimePoint earliest_ = TimePoint::max();
  TimePoint latest_ = TimePoint::min();
  std::vector<Record> records_;
};

// Iterates over a batch, which must not change meanwhile.
class Batch::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using iterator_concept = std::random_access_iterator_tag;
  using value_type = Event;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = Event;

  Iterator() = default;
  Iterator(const Batch& batch, std::size_t index) : batch_{&batch}, index_{index} {}

  Event operator*() const { return (*batch_)[index_]; }
  Event operator[](difference_type by) const { return *(*this + by); }

  Iterator& operator++() { return *this += 1; }
  Iterator operator++(int) { return std::exchange(*this, *this + 1); }
  Iterator& operator--() { return *this -= 1; }
  Iterator operator--(int) { return std::exchange(*this, *this - 1); }
  Iterator& operator+=(difference_type by) {
    index_ = static_cast<std::size_t>(static_cast<difference_type>(index_) + by);
    return *this;
  }
  Iterator& operator-=(difference_type by) { return *this += -by; }
  friend Iterator operator+(Iterator it, difference_type by) { return it += by; }
  friend Iterator operator+(difference_type by, Iterator it) { return it += by; }
  friend Iterator operator-(Iterator it, difference_type by) { return it -= by; }
  friend difference_type operator-(const Iterator& a, const Iterator& b) {
    return static_cast<difference_type>(a.index_) - static_cast<difference_type>(b.index_);
  }
  friend bool operator==(const Iterator& a, const Iterator& b) { return a.index_ == b.index_; }
  friend auto operator<=>(const Iterator& a, const Iterator& b) { return a.index_ <=> b.index_; }

 private:
  const Batch* batch_ = nullptr;
  std::size_t index_ = 0;
};

inline Batch::Iterator Batch::begin() const { return {*this, 0}; }
inline Batch::Iterator Batch::end() const { return {*this, size()}; }

}  // namespace eventcollect
