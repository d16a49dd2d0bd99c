#include "eventcollect/batch.hpp"

#include <algorithm>
#include <functional>

namespace eventcollect {
namespace {

// Whether `part` lies inside `whole`; std::less orders pointers that do not share an array.
bool lies_in(std::string_view part, std::string_view whole) {
  const std::less_equal<> ordered;
  return ordered(whole.data(), part.data()) &&
         ordered(part.data() + part.size(), whole.data() + whole.size());
}

template <typename Container>
void clear_and_trim(Container& container, std::size_t keep_elements) {
  container.clear();
  if (container.capacity() > keep_elements) Container{}.swap(container);
}

}  // namespace

// Takes back what was added, unless the addition was completed.
class Batch::Addition {
 public:
  explicit Addition(Batch& batch)
      : batch_{batch},
        lines_bytes_{batch.lines_.size()},
        side_bytes_{batch.side_.size()},
        records_{batch.records_.size()} {}
  Addition(const Addition&) = delete;
  Addition& operator=(const Addition&) = delete;
  ~Addition() {
    if (complete_) return;
    batch_.lines_.resize(lines_bytes_);
    batch_.side_.resize(side_bytes_);
    batch_.records_.erase(batch_.records_.begin() + static_cast<std::ptrdiff_t>(records_),
                          batch_.records_.end());
  }

  void complete() { complete_ = true; }

 private:
  Batch& batch_;
  std::size_t lines_bytes_;
  std::size_t side_bytes_;
  std::size_t records_;
  bool complete_ = false;
};

Event Batch::operator[](std::size_t index) const {
  const Record& record = records_[index];
  Event event;
  event.index = index;
  event.id = record.id;
  event.name = text_of(record.name, record);
  if (record.url.place != Slice::Place::absent) event.url = text_of(record.url, record);
  event.properties = text_of(record.properties, record);
  event.server_time = record.server_time;
  event.event_time = record.event_time;
  event.client_time = record.client_time;
  event.sent_time = record.sent_time;
  event.context = text_of(record.context, record);
  event.violations = text_of(record.violations, record);
  event.line = std::string_view{lines_}.substr(record.line_offset, record.line_bytes);
  return event;
}

inline void Batch::keep(std::string_view text, const Event& event, Record& record, Slice& slice) {
  slice.bytes = static_cast<std::uint32_t>(text.size());
  if (lies_in(text, event.line)) {
    slice.place = Slice::Place::line;
    slice.offset = static_cast<std::uint32_t>(text.data() - event.line.data());
  } else {
    keep_aside(text, record, slice);
  }
}

void Batch::keep_aside(std::string_view text, Record& record, Slice& slice) {
  slice.place = Slice::Place::side;
  slice.offset = record.side_bytes;
  side_.append(text);
  record.side_bytes += slice.bytes;
}

void Batch::append(const Event& event) {
  Addition addition{*this};
  Record& record = records_.emplace_back(event, lines_.size(), side_.size());
  keep(event.name, event, record, record.name);
  if (event.url) keep(*event.url, event, record, record.url);
  keep(event.properties, event, record, record.properties);
  if (!event.context.empty()) keep(event.context, event, record, record.context);
  if (!event.violations.empty()) keep(event.violations, event, record, record.violations);
  lines_.append(event.line);
  lines_.push_back('\n');
  stretch(event.server_time);
  addition.complete();
}

void Batch::append(const Batch& other, std::size_t first, std::size_t count) {
  if (count == 0) return;
  const Record& front = other.records_[first];
  const Record& back = other.records_[first + count - 1];
  Addition addition{*this};
  const std::size_t line_shift = lines_.size() - front.line_offset;
  const std::size_t side_shift = side_.size() - front.side_offset;
  lines_.append(other.lines_, front.line_offset,
                back.line_offset + back.line_bytes + 1 - front.line_offset);
  side_.append(other.side_, front.side_offset,
               back.side_offset + back.side_bytes - front.side_offset);
  const auto begin = other.records_.begin() + static_cast<std::ptrdiff_t>(first);
  const std::size_t before = records_.size();
  records_.insert(records_.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
  for (std::size_t i = before; i < records_.size(); ++i) {
    records_[i].line_offset += line_shift;
    records_[i].side_offset += side_shift;
    stretch(records_[i].server_time);
  }
  addition.complete();
}

void Batch::clear(std::size_t keep_bytes) {
  clear_and_trim(lines_, keep_bytes);
  clear_and_trim(side_, keep_bytes);
  clear_and_trim(records_, keep_bytes / sizeof(Record));
  earliest_ = TimePoint::max();
  latest_ = TimePoint::min();
}

std::string_view Batch::text_of(const Slice& slice, const Record& record) const {
  switch (slice.place) {
    case Slice::Place::line:
      return std::string_view{lines_}.substr(record.line_offset + slice.offset, slice.bytes);
    case Slice::Place::side:
      return std::string_view{side_}.substr(record.side_offset + slice.offset, slice.bytes);
    case Slice::Place::absent:
      break;
  }
  return {};
}

}  // namespace eventcollect
