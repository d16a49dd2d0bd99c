// An event of a request whose JSON has been scanned and whose fields have not been judged.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "event/field_value.hpp"
#include "eventcollect/rejection.hpp"
#include "json/scanner.hpp"

namespace eventcollect::event {

// All views are of the body that was scanned.
struct Candidate {
  // With a constructor of its own it is not cleared before its members are set.
  explicit Candidate(std::size_t place) : index{place} {}

  std::size_t index;  // in the request
  std::string_view raw;
  FieldValue name;
  FieldValue url;
  FieldValue properties;
  FieldValue event_id;
  FieldValue client_time;
  FieldValue sent_time;
  bool is_object = true;            // false where it is malformed, too
  const char* malformed = nullptr;  // why its text, from fault_position on, is not JSON
  bool has_unstorable_properties = false;
  // The first fault in it, if any.
  json::Fault fault = json::Fault::none;
  const char* fault_position = nullptr;
  std::string_view unknown_key;  // the first one, as written

  bool is_faultless() const { return fault == json::Fault::none && unknown_key.data() == nullptr; }
};

// The rejection of a candidate, with its event_id if that is valid, and without `raw`.
Rejection reject(const Candidate& candidate, std::string_view code, std::string pointer,
                 std::string message);

// The rejection of a candidate that is malformed or no object.
Rejection reject_form(const Candidate& candidate);

// The rejection of a candidate that is not faultless.
Rejection reject_fault(const Candidate& candidate);

}  // namespace eventcollect::event
