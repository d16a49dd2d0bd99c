// Writes the events of one object, some at a time: the mirror of EventObject.
//
//   const auto object = write_event_object(store.write(key));
//   object->append(batch.ndjson());
//   object->commit();
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "eventcollect/object_store.hpp"

namespace eventcollect::objects {

// What an object's events are written as. Another format is another value here and another class
// behind write_event_object().
enum class ObjectFormat : std::uint8_t { gzipped_ndjson };

// One thread at a time. After an error it is of no more use; without a commit() nothing is stored.
class EventObjectWriter {
 public:
  virtual ~EventObjectWriter() = default;

  // Appends whole lines, each with its line feed. Throws Error.
  virtual void append(std::string_view lines) = 0;

  // Ends the object and commits it; called once, after the last append(). Throws Error, as
  // ObjectWriter::commit() does.
  virtual void commit() = 0;
};

// `object` may not be null.
std::unique_ptr<EventObjectWriter> write_event_object(
    std::unique_ptr<ObjectWriter> object, ObjectFormat format = ObjectFormat::gzipped_ndjson);

}  // namespace eventcollect::objects
