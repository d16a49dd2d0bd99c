#include "compact/left_out.hpp"

#include <string>

namespace eventcollect::compaction {

void LeftOut::add(const SortedEvent& event, std::string_view kept_line) {
  if (comparison_.same(kept_line, event.line)) {
    ++duplicates_;
    return;
  }
  ++conflicts_;
  letters_.add({.event_id = event.id(),
                .code = code::event_id_conflict,
                .pointer = "/event_id",
                .message = "The hour has another event under this event_id.",
                .raw = std::string{event.line}});
}

}  // namespace eventcollect::compaction
