// The text of a dead letter, in two parts: what is known of the rejection, which is short, and the
// rejected text, which takes far longer to make.
#pragma once

#include <string>
#include <string_view>

#include "eventcollect/dead_letter.hpp"

namespace eventcollect::sink {

// A letter, as an event that every sink can store. It views `line` and `properties`.
Event letter_event(const Uuid& dead_id, TimePoint now, std::string_view line,
                   std::string_view properties);

// The letter without the rejected text: a JSON object.
std::string letter_head(const Uuid& dead_id, TimePoint now, DeadLetterOrigin origin,
                        const Rejection& rejection);

// Adds the rejected text to the head, which makes it a letter.
void complete_letter(std::string& head, std::string_view raw);

}  // namespace eventcollect::sink
