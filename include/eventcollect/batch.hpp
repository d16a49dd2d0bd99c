// A run of events on their way to a sink, in both forms that sinks want.
//
//   void write(const Batch& batch) override {
//     file.append(batch.ndjson());                            // one buffer, or
//     for (const Event& event : batch.events())               // one by one
//       if (!db.insert(event.id, event.line)) batch.refuse(event, "check constraint");
//   }
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/event.hpp"

namespace eventcollect {

// An ordered list of events. One thread at a time, const calls included.
class Batch {
 public:
  // An event that the sink will not have, through a fault of the event's own.
  struct Refusal {
    std::size_t index = 0;
    std::string why;
  };

  bool empty() const { return records_.empty(); }
  std::size_t size() const { return records_.size(); }

  // The bytes of ndjson(): what bounds in bytes are counted in.
  std::size_t bytes() const { return lines_.size(); }

  // About what the events take in memory.
  std::size_t memory_bytes() const {
    return lines_.size() + side_.size() + records_.size() * sizeof(Record);
  }

  // The server times of all events lie between these; of an empty batch they mean nothing.
  TimePoint earliest() const { return earliest_; }
  TimePoint latest() const { return latest_; }

  // All events in order, each a line of JSON followed by '\n'. Lives until the batch changes.
  std::string_view ndjson() const { return lines_; }

  // All events in order. The span and its views live until the batch changes.
  std::span<const Event> events() const;

  // Says that the sink did not store `event` (or the one at `index`, below size()) and never will,
  // because of what is in it. `why` is shown to whoever sent it, so it must hold no secret. The
  // first reason for an event stays. It is the sink's answer, not a change of the events: hence
  // const.
  void refuse(const Event& event, std::string_view why) const { refuse(event.index, why); }
  void refuse(std::size_t index, std::string_view why) const;

  // What refuse() was told, in the order in which it was told.
  std::span<const Refusal> refusals() const { return refusals_; }

  // Forgets the refusals: the batch is about to be written again.
  void clear_refusals() const;

  // Adds a copy of `event`. Its line must be one JSON object without a line feed; its index is
  // ignored. The event must not be one of this batch.
  void append(const Event& event);

  // Adds copies of `count` events of `other` from `first` on. Not of the batch itself.
  void append(const Batch& other, std::size_t first, std::size_t count);
  void append(const Batch& other) { append(other, 0, other.size()); }

  // Empties it and keeps the memory, but no more than `keep_bytes` of each buffer.
  void clear(std::size_t keep_bytes = std::size_t{1} << 20);

 private:
  // A piece of text: in its event's line, or in side_ where the line has it only in escaped form.
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
  mutable std::vector<Event> events_;  // made from records_ when somebody asks
  mutable std::vector<Refusal> refusals_;
  mutable std::vector<bool> is_refused_;  // by index, as far as anything was refused
};

}  // namespace eventcollect
