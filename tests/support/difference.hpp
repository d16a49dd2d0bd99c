// Whether two events are the same, field by field.
#pragma once

#include <string>

#include "eventcollect/event.hpp"

namespace eventcollect::test {

// The first field in which two events differ; empty if they are the same but for their places.
inline std::string difference(const Event& a, const Event& b) {
  if (a.id != b.id) return "id";
  if (a.name != b.name) return "name";
  if (a.url != b.url) return "url";
  if (a.properties != b.properties) return "properties";
  if (a.server_time != b.server_time) return "server_time";
  if (a.event_time != b.event_time) return "event_time";
  if (a.client_time != b.client_time) return "client_time";
  if (a.sent_time != b.sent_time) return "sent_time";
  if (a.context != b.context) return "context";
  if (a.violations != b.violations) return "violations";
  if (a.line != b.line) return "line";
  return "";
}

}  // namespace eventcollect::test
