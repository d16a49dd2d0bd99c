#include "event/envelope.hpp"

#include <fmt/format.h>

#include <utility>

#include "event/fields.hpp"

namespace eventcollect::event {

std::optional<Rejection> judge_envelope(const Envelope& envelope, const Candidate& top,
                                        std::string_view body) {
  Candidate whole = top;
  whole.raw = body;
  if (!whole.is_faultless()) return reject_fault(whole);
  if (!envelope.is_array) {
    return reject(whole, code::event_not_object, "/batch", "\"batch\" must be an array of events.");
  }
  const std::pair<const FieldValue&, Field> misplaced[] = {{top.name, Field::event},
                                                           {top.url, Field::url},
                                                           {top.event_id, Field::event_id},
                                                           {top.properties, Field::properties},
                                                           {top.client_time, Field::client_time}};
  for (const auto& [value, field] : misplaced) {
    if (!value.present()) continue;
    const std::string_view name = traits_of(field).name;
    return reject(whole, code::field_unknown, fmt::format("/{}", name),
                  fmt::format("Only \"sent_time\" is allowed beside \"batch\": put \"{}\" into the "
                              "events.",
                              name));
  }
  return {};
}

}  // namespace eventcollect::event
