// Reads events back from where they were stored.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "eventcollect/batch.hpp"
#include "eventcollect/rejection.hpp"

namespace eventcollect {

// The longest line that is read back: far longer than any event that got in.
inline constexpr std::size_t max_stored_bytes = std::size_t{64} << 20;

// For lines that a sink wrote: here the fields that only the server sets are believed. Holds
// scratch memory. One thread at a time.
class StoredEventReader {
 public:
  StoredEventReader();
  ~StoredEventReader();
  StoredEventReader(StoredEventReader&&) noexcept;
  StoredEventReader& operator=(StoredEventReader&&) noexcept;

  // Appends the event that `line` is to `batch`, its line without white space between tokens and
  // otherwise as it is. Where it is none, says why, and `batch` stays as it was. `line` may be any
  // bytes, but no view of `batch`. Rejected is what no sink of ours stores: text that is no JSON
  // object or longer than max_stored_bytes, a missing or invalid event, event_id, server_time,
  // event_time or properties, a field of another name or type, a key given twice, U+0000 or a lone
  // surrogate, a number beyond double, nesting deeper than max_depth. The index of a rejection is
  // 0.
  std::optional<Rejection> append(std::string_view line, Batch& batch);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventcollect
