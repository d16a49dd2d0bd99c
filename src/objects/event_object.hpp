// The events of one object, some at a time, so that its size does not matter.
//
//   EventObject object{store.get(key)};
//   while (object.read(delivery)) { …; delivery.clear(); }
//   if (!object.damage().empty()) …
#pragma once

#include <memory>
#include <string>

#include "base/line_buffer.hpp"
#include "eventcollect/object_store.hpp"
#include "eventcollect/source.hpp"
#include "eventcollect/stored_event.hpp"
#include "objects/gzip_reader.hpp"

namespace eventcollect::objects {

// One thread at a time.
class EventObject {
 public:
  // `object` may not be null.
  explicit EventObject(std::unique_ptr<ObjectReader> object);

  // Appends events to `delivery` until it has `max_events` or `max_bytes` or the object ends; what
  // is no event of ours goes to its unreadable ones. False, and nothing is appended, at the end.
  // Throws Error.
  bool read(Delivery& delivery, std::size_t max_events = 10'000,
            std::size_t max_bytes = std::size_t{8} << 20);

  // What is wrong with the object beyond single lines: "cut off", say. Empty if nothing is. To be
  // asked at the end. A last line that the damage cut is dropped.
  const std::string& damage() const { return gzip_.damage(); }

  std::uint64_t compressed_bytes() const { return gzip_.compressed_bytes(); }

 private:
  bool next_line(std::string_view& line);
  void fill();

  GzipReader gzip_;
  StoredEventReader reader_;
  base::LineBuffer lines_;
  bool at_end_ = false;
  bool skipping_ = false;  // the rest of a line that is too long
};

}  // namespace eventcollect::objects
