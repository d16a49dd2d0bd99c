#include "event/candidate.hpp"

#include <fmt/format.h>

#include <utility>

#include "event/fault_reason.hpp"
#include "json/text.hpp"

namespace eventcollect::event {

Rejection reject(const Candidate& candidate, std::string_view code, std::string pointer,
                 std::string message) {
  std::string scratch;
  return {.index = candidate.index,
          .event_id = read_event_id(candidate.event_id, scratch),
          .code = code,
          .pointer = std::move(pointer),
          .message = std::move(message)};
}

Rejection reject_form(const Candidate& candidate) {
  if (candidate.malformed == nullptr) {
    return reject(candidate, code::event_not_object, "", "An event must be a JSON object.");
  }
  return reject(candidate, code::json_malformed, "",
                fmt::format("The element is not valid JSON: {} at byte {}.", candidate.malformed,
                            candidate.fault_position - candidate.raw.data()));
}

Rejection reject_fault(const Candidate& candidate) {
  if (candidate.fault == json::Fault::none) {
    return reject(candidate, code::field_unknown,
                  json::pointer_to(candidate.raw, candidate.unknown_key.data(), max_pointer_bytes),
                  "Unknown field: put it under \"properties\".");
  }
  FaultReason reason = reason_of(candidate.fault);
  return reject(candidate, reason.code,
                json::pointer_to(candidate.raw, candidate.fault_position, max_pointer_bytes),
                std::move(reason.message));
}

}  // namespace eventcollect::event
