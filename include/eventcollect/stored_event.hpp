// Reads events back from where they were stored.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "eventcollect/batch.hpp"
#include "eventcollect/rejection.hpp"

namespace eventcollect {

// The longest line that is read: far longer than any event that is accepted.
inline constexpr std::size_t max_stored_bytes = std::size_t{64} << 20;

// For lines that a sink wrote: unlike those of a request, their server_time and the other fields of
// the server are read. Holds scratch memory. One thread at a time.
class StoredEventReader {
 public:
  StoredEventReader();
  ~StoredEventReader();
  StoredEventReader(StoredEventReader&&) noexcept;
  StoredEventReader& operator=(StoredEventReader&&) noexcept;

  // Appends the event in `line` to `batch`, without the white space between tokens, with U+FFFD
  // for U+0000 and for half a surrogate pair, and otherwise unchanged. If it is rejected, returns
  // why, at index 0, and leaves `batch` as it was. `line` may be any bytes, but not a view of
  // `batch`. Rejected is what no sink of this library stores: text that is not a JSON object or is
  // longer than max_stored_bytes, a missing or invalid event, event_id, server_time, event_time or
  // properties, a field of another name or type, a key given twice, a number outside the range of a
  // double or so small that it would become zero, nesting deeper than max_depth.
  std::optional<Rejection> append(std::string_view line, Batch& batch);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventcollect
