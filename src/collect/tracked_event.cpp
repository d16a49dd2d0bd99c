#include "collect/tracked_event.hpp"

#include <fmt/format.h>

#include "json/text.hpp"

namespace eventcollect::collect {

std::string tracked_event(std::string_view name, const Properties& properties, TimePoint now,
                          const TrackOptions& options) {
  std::string text = R"({"event":)";
  const auto quote = [&](std::string_view value) {
    text.push_back('"');
    json::append_escaped(text, value);
    text.push_back('"');
  };
  quote(name);
  text += R"(,"properties":)" + properties.json();
  if (!options.event_id.empty()) {
    text += R"(,"event_id":)";
    quote(options.event_id);
  }
  if (!options.url.empty()) {
    text += R"(,"url":)";
    quote(options.url);
  }
  if (options.happened_at) {
    text += fmt::format(R"(,"client_time":{},"sent_time":{})",
                        to_milliseconds(*options.happened_at), to_milliseconds(now));
  }
  text.push_back('}');
  return text;
}

}  // namespace eventcollect::collect
