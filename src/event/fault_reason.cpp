#include "event/fault_reason.hpp"

#include <fmt/format.h>

#include "eventcollect/codes.hpp"
#include "eventcollect/rules.hpp"

namespace eventcollect::event {

FaultReason reason_of(json::Fault fault) {
  switch (fault) {
    case json::Fault::too_deep:
      return {code::json_too_deep,
              fmt::format("An event must be nested at most {} levels deep, itself included.",
                          max_depth)};
    case json::Fault::duplicate_key:
      return {code::field_duplicate, "An object must not have a key twice."};
    case json::Fault::number_range:
      return {
          code::number_range,
          "A number must be within the range of a double and not so small that it becomes zero."};
    case json::Fault::none:
      break;
  }
  return {};
}

}  // namespace eventcollect::event
