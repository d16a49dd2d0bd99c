#include "eventcollect/stored_event.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "event/fields.hpp"
#include "json/scanner.hpp"

namespace eventcollect {
namespace {

// In the order in which they are written, so that each is mostly found at the first look.
enum Field : std::uint8_t {
  event_id,
  event_name,
  url,
  properties,
  server_time,
  event_time,
  client_time,
  sent_time,
  context,
  violations,
  field_count,
};

constexpr std::array<std::string_view, field_count> field_names{
    "event_id",   "event",       "url",       "properties", "server_time",
    "event_time", "client_time", "sent_time", "context",    "violations"};

// Which field has this name, or field_count. Looks at `expected` first.
std::size_t find_field(std::string_view name, std::size_t expected) {
  for (std::size_t i = expected; i < field_count; ++i) {
    if (field_names[i] == name) return i;
  }
  for (std::size_t i = 0; i < expected; ++i) {
    if (field_names[i] == name) return i;
  }
  return field_count;
}

}  // namespace

struct StoredEventReader::State {
  using Refusal = std::optional<Rejection>;

  json::Scanner scanner{max_depth};
  std::string_view text;  // the line that is being read
  std::array<FieldValue, field_count> values;
  unsigned seen = 0;              // a bit for each of `values` that is of this line
  const char* unknown = nullptr;  // the first key that is no field's
  Event event;
  std::string name_text;
  std::string url_text;
  std::string compact;
  std::string scratch;

  Refusal append(std::string_view line, Batch& batch);
  bool scan(std::string_view line);
  bool scan_member(std::size_t& expected);
  Refusal judge_form(bool is_json);
  Refusal judge();
  Refusal judge_name();
  Refusal judge_url();
  Refusal judge_times();
  Refusal judge_time(Field field, std::string_view code, TimePoint& out);
  Refusal judge_time(Field field, std::string_view code, std::optional<TimePoint>& out);
  Rejection refuse(std::string_view code, std::string pointer, std::string message);
  Rejection refuse(Field field, std::string_view code, std::string_view what_it_has_to_be);
  void trim();

  bool has(Field field) const { return (seen & (1U << field)) != 0; }
  FieldValue value(Field field) const { return has(field) ? values[field] : FieldValue{}; }
};

StoredEventReader::State::Refusal StoredEventReader::State::append(std::string_view line,
                                                                   Batch& batch) {
  seen = 0;
  if (line.size() > max_stored_bytes) {
    return refuse(
        code::event_too_large, "",
        fmt::format("The line has {} bytes; {} are the most.", line.size(), max_stored_bytes));
  }
  if (!json::check_utf8(line)) {
    return refuse(code::json_malformed, "", "The line is not valid UTF-8.");
  }
  if (auto refusal = judge_form(scan(line))) return refusal;
  if (scanner.spaced()) {
    compact.clear();
    json::append_compact(compact, line);
    scan(compact);
  }
  if (auto refusal = judge()) return refusal;
  batch.append(event);
  return {};
}

// Whether the line is JSON. If it is an object, its members are in `values` then.
bool StoredEventReader::State::scan(std::string_view line) {
  text = line;
  seen = 0;
  unknown = nullptr;
  scanner.begin(line);
  scanner.more();
  if (scanner.peek() != '{') {
    if (!scanner.value(1)) return false;
  } else {
    scanner.advance();
    scanner.more();
    std::size_t expected = 0;
    if (scanner.peek() != '}') {
      do {
        if (!scan_member(expected)) return false;
      } while (scanner.take(','));
    }
    if (scanner.peek() != '}') return scanner.malformed("',' or '}' was expected");
    scanner.advance();
  }
  return !scanner.more() || scanner.malformed("something follows after the end");
}

bool StoredEventReader::State::scan_member(std::size_t& expected) {
  const char* const key_position = scanner.position();
  json::String key;
  if (!scanner.key(key)) return false;
  const std::size_t field = find_field(json::unescape(key, scratch), expected);
  FieldValue member;
  const char* const start = scanner.position();
  if (scanner.peek() == '"') {
    json::String token;
    if (!scanner.string(token)) return false;
    member.escaped = token.escaped;
  } else if (!scanner.value(2)) {
    return false;
  }
  member.text = {start, static_cast<std::size_t>(scanner.position() - start)};
  if (field == field_count) {
    if (unknown == nullptr) unknown = key_position;
    return true;
  }
  expected = field + 1;
  const unsigned bit = 1U << field;
  if ((seen & bit) != 0) scanner.note(json::Fault::duplicate_key, key_position);
  seen |= bit;
  values[field] = member;
  return true;
}

// Refuses what is no event whatever its fields hold.
StoredEventReader::State::Refusal StoredEventReader::State::judge_form(bool is_json) {
  if (!is_json) {
    seen = 0;
    return refuse(
        code::json_malformed, "",
        fmt::format("This is not JSON: {}, at byte {}.", scanner.error(), scanner.error_offset()));
  }
  if (text[text.find_first_not_of(" \t\r\n")] != '{') {
    return refuse(code::event_not_object, "", "An event has to be a JSON object.");
  }
  if (scanner.fault() != json::Fault::none) {
    FaultReason reason = reason_of(scanner.fault());
    return refuse(reason.code, json::pointer_to(text, scanner.fault_position()),
                  std::move(reason.message));
  }
  if (unknown != nullptr) {
    return refuse(code::field_unknown, json::pointer_to(text, unknown),
                  "A stored event has no such field.");
  }
  return {};
}

// Sets `event`, or says what is wrong with a field.
StoredEventReader::State::Refusal StoredEventReader::State::judge() {
  event.line = text;
  const auto id = read_event_id(value(event_id), scratch);
  if (!id) {
    return refuse(event_id, code::event_id_invalid, "a UUID of 36 characters, neither nil nor max");
  }
  event.id = *id;
  if (auto refusal = judge_name()) return refusal;
  if (auto refusal = judge_url()) return refusal;
  if (!value(properties).is_object()) {
    return refuse(properties, code::properties_type, "a JSON object");
  }
  event.properties = values[properties].text;
  if (auto refusal = judge_times()) return refusal;
  if (has(context) && !values[context].is_object()) {
    return refuse(context, code::context_type, "a JSON object");
  }
  event.context = value(context).text;
  if (has(violations) && !values[violations].is_array()) {
    return refuse(violations, code::violations_type, "an array");
  }
  event.violations = value(violations).text;
  return {};
}

StoredEventReader::State::Refusal StoredEventReader::State::judge_name() {
  if (!has(event_name)) {
    return refuse(code::event_missing, "/event", "\"event\", the event's name, is missing.");
  }
  if (!values[event_name].is_string()) return refuse(event_name, code::event_type, "a string");
  event.name = json::unescape(values[event_name].string(), name_text);
  const auto characters = count_characters(event.name);
  if (!characters) {
    return refuse(event_name, code::string_invalid, "without control characters");
  }
  if (*characters < 1 || *characters > max_name_characters) {
    return refuse(event_name, code::event_length,
                  fmt::format("1 to {} characters long", max_name_characters));
  }
  return {};
}

StoredEventReader::State::Refusal StoredEventReader::State::judge_url() {
  event.url.reset();
  if (!has(url)) return {};
  if (!values[url].is_string()) return refuse(url, code::url_type, "a string");
  event.url = json::unescape(values[url].string(), url_text);
  if (event.url->size() > max_url_bytes) {
    return refuse(url, code::url_length, fmt::format("at most {} bytes long", max_url_bytes));
  }
  return {};
}

StoredEventReader::State::Refusal StoredEventReader::State::judge_times() {
  if (auto refusal = judge_time(server_time, code::server_time_invalid, event.server_time)) {
    return refusal;
  }
  if (auto refusal = judge_time(event_time, code::event_time_invalid, event.event_time)) {
    return refusal;
  }
  if (auto refusal = judge_time(client_time, code::client_time_invalid, event.client_time)) {
    return refusal;
  }
  return judge_time(sent_time, code::sent_time_invalid, event.sent_time);
}

StoredEventReader::State::Refusal StoredEventReader::State::judge_time(Field field,
                                                                       std::string_view code,
                                                                       TimePoint& out) {
  const auto time = read_milliseconds(value(field));
  if (!time) return refuse(field, code, "whole milliseconds since 1970, up to the year 9999");
  out = *time;
  return {};
}

StoredEventReader::State::Refusal StoredEventReader::State::judge_time(
    Field field, std::string_view code, std::optional<TimePoint>& out) {
  out.reset();
  return has(field) ? judge_time(field, code, out.emplace()) : Refusal{};
}

Rejection StoredEventReader::State::refuse(std::string_view code, std::string pointer,
                                           std::string message) {
  const auto id = read_event_id(value(event_id), scratch);
  return {0, id, code, std::move(pointer), std::move(message)};
}

Rejection StoredEventReader::State::refuse(Field field, std::string_view code,
                                           std::string_view what_it_has_to_be) {
  return refuse(code, fmt::format("/{}", field_names[field]),
                fmt::format("\"{}\" {}has to be {}.", field_names[field],
                            has(field) ? "" : "is missing; it ", what_it_has_to_be));
}

void StoredEventReader::State::trim() {
  constexpr std::size_t kept_bytes = 64 << 10;
  for (std::string* buffer : {&name_text, &url_text, &compact, &scratch}) {
    if (buffer->capacity() > kept_bytes) std::string{}.swap(*buffer);
  }
  scanner.trim();
}

StoredEventReader::StoredEventReader() : state_{std::make_unique<State>()} {}
StoredEventReader::~StoredEventReader() = default;
StoredEventReader::StoredEventReader(StoredEventReader&&) noexcept = default;
StoredEventReader& StoredEventReader::operator=(StoredEventReader&&) noexcept = default;

std::optional<Rejection> StoredEventReader::append(std::string_view line, Batch& batch) {
  auto refusal = state_->append(line, batch);
  state_->trim();
  return refusal;
}

}  // namespace eventcollect
