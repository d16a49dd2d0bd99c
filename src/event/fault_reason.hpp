// What is said of an event that holds well-formed JSON that no event may hold.
#pragma once

#include <string>
#include <string_view>

#include "json/scanner.hpp"

namespace eventcollect::event {

struct FaultReason {
  std::string_view code;  // one of all_codes
  std::string message;    // a sentence for the sender
};

// Both are empty for Fault::none.
FaultReason reason_of(json::Fault fault);

}  // namespace eventcollect::event
