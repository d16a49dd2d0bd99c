// The object around the events of a request, as in {"batch":[events],"sent_time":…}.
#pragma once

#include <optional>
#include <string_view>

#include "event/candidate.hpp"

namespace eventcollect::event {

struct Envelope {
  bool found = false;
  bool is_array = true;  // its "batch"
};

// Why the whole `body` is rejected for what the envelope holds; nothing if it is fine. `top` is the
// envelope, scanned as if it were an event.
std::optional<Rejection> judge_envelope(const Envelope& envelope, const Candidate& top,
                                        std::string_view body);

}  // namespace eventcollect::event
