#include "event/judge.hpp"

#include <fmt/format.h>

#include "event/fields.hpp"
#include "event/page_url.hpp"

namespace eventcollect::event {
namespace {

std::optional<TimePoint> read_time(const FieldValue& value, std::string& scratch) {
  if (value.is_string()) return parse_rfc3339(json::unescape(value.string(), scratch));
  if (const auto time = read_milliseconds(value)) return time;
  return cut_milliseconds(value);
}

}  // namespace

bool Judge::judge(const Candidate& candidate, const FieldValue& batch_sent_time, const Rules& rules,
                  Event& event) {
  if (!candidate.is_object) return fail(reject_form(candidate));
  if (candidate.raw.size() > rules.max_event_bytes) {
    return fail(reject(candidate, code::event_too_large, "",
                       fmt::format("An event must have at most {} bytes, got {}.",
                                   rules.max_event_bytes, candidate.raw.size())));
  }
  if (!candidate.is_faultless()) return fail(reject_fault(candidate));
  if (!judge_name(candidate, event)) return false;
  if (!judge_url(candidate, rules, event)) return false;
  if (candidate.properties.present() && !candidate.properties.is_object()) {
    return fail(candidate, Field::properties, code::properties_type, "be a JSON object");
  }
  if (!judge_id(candidate, event)) return false;
  return judge_times(candidate, batch_sent_time, event);
}

bool Judge::judge_name(const Candidate& candidate, Event& event) {
  if (!candidate.name.present()) {
    return fail(reject(candidate, code::event_missing, "/event",
                       "\"event\", the event's name, is missing."));
  }
  if (!candidate.name.is_string()) {
    return fail(candidate, Field::event, code::event_type, "be a string");
  }
  event.name = json::unescape(candidate.name.string(), name_);
  const auto characters = count_characters(event.name);
  if (!characters) {
    return fail(candidate, Field::event, code::string_invalid, "not contain control characters");
  }
  if (*characters < 1 || *characters > max_name_characters) {
    return fail(candidate, Field::event, code::event_length,
                fmt::format("have 1 to {} characters, got {}", max_name_characters, *characters));
  }
  return true;
}

bool Judge::judge_url(const Candidate& candidate, const Rules& rules, Event& event) {
  event.url.reset();
  if (!candidate.url.present()) return true;
  if (!candidate.url.is_string()) {
    return fail(candidate, Field::url, code::url_type, "be a string");
  }
  const std::string_view url = json::unescape(candidate.url.string(), url_);
  if (url.size() > max_url_bytes) {
    return fail(candidate, Field::url, code::url_length,
                fmt::format("have at most {} bytes, got {}", max_url_bytes, url.size()));
  }
  event.url = strip_page_url(url, rules, url_);
  return true;
}

bool Judge::judge_id(const Candidate& candidate, Event& event) {
  if (!candidate.event_id.present()) return true;
  const auto id = read_event_id(candidate.event_id, scratch_);
  if (!id) {
    return fail(candidate, Field::event_id, code::event_id_invalid,
                "be a UUID of 36 characters, neither nil nor max");
  }
  event.id = *id;
  return true;
}

bool Judge::judge_times(const Candidate& candidate, const FieldValue& batch_sent_time,
                        Event& event) {
  const FieldValue& sent = candidate.sent_time.present() ? candidate.sent_time : batch_sent_time;
  event.client_time.reset();
  event.sent_time.reset();
  if (candidate.client_time.present()) {
    event.client_time = read_time(candidate.client_time, scratch_);
    if (!event.client_time) {
      return fail_time(candidate, Field::client_time, code::client_time_invalid);
    }
  }
  if (sent.present()) {
    event.sent_time = read_time(sent, scratch_);
    if (!event.sent_time) return fail_time(candidate, Field::sent_time, code::sent_time_invalid);
  }
  return true;
}

bool Judge::fail(Rejection rejection) {
  rejection_ = std::move(rejection);
  return false;
}

bool Judge::fail(const Candidate& candidate, Field field, std::string_view code,
                 std::string_view rule) {
  const std::string_view name = traits_of(field).name;
  return fail(reject(candidate, code, fmt::format("/{}", name),
                     fmt::format("\"{}\" must {}.", name, rule)));
}

bool Judge::fail_time(const Candidate& candidate, Field field, std::string_view code) {
  return fail(candidate, field, code,
              "be milliseconds since 1970 or an RFC 3339 time, up to the year 9999");
}

void Judge::trim(std::size_t keep_bytes) {
  for (std::string* buffer : {&name_, &url_, &scratch_}) {
    if (buffer->capacity() > keep_bytes) std::string{}.swap(*buffer);
  }
}

}  // namespace eventcollect::event
