#include "eventcollect/stored_event.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "event/fault_reason.hpp"
#include "event/field_value.hpp"
#include "event/fields.hpp"
#include "eventcollect/rules.hpp"
#include "json/scanner.hpp"

namespace eventcollect {

struct StoredEventReader::State {
  using Result = std::optional<Rejection>;

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

  Result append(std::string_view line, Batch& batch);
  bool scan(std::string_view line);
  bool scan_member();
  Result judge_form(bool is_json);
  Result judge();
  Result judge_name();
  Result judge_url();
  Result judge_times();
  Result judge_time(Field field, std::string_view code, TimePoint& out);
  Result judge_time(Field field, std::string_view code, std::optional<TimePoint>& out);
  Rejection reject(std::string_view code, std::string pointer, std::string message);
  Rejection reject(Field field, std::string_view code, std::string_view what_it_has_to_be);
  void trim();

  bool has(Field field) const { return (seen & (1U << index_of(field))) != 0; }
  FieldValue value(Field field) const {
    return has(field) ? values[index_of(field)] : FieldValue{};
  }
};

StoredEventReader::State::Result StoredEventReader::State::append(std::string_view line,
                                                                  Batch& batch) {
  seen = 0;
  if (line.size() > max_stored_bytes) {
    return reject(
        code::event_too_large, "",
        fmt::format("The line has {} bytes; {} are the most.", line.size(), max_stored_bytes));
  }
  if (!json::check_utf8(line)) {
    return reject(code::json_malformed, "", "The line is not valid UTF-8.");
  }
  if (auto rejection = judge_form(scan(line))) return rejection;
  if (scanner.spaced()) {
    compact.clear();
    json::append_compact(compact, line);
    scan(compact);
  }
  if (auto rejection = judge()) return rejection;
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
    if (scanner.peek() != '}') {
      do {
        if (!scan_member()) return false;
      } while (scanner.take(','));
    }
    if (scanner.peek() != '}') return scanner.malformed("',' or '}' was expected");
    scanner.advance();
  }
  return !scanner.more() || scanner.malformed("something follows after the end");
}

bool StoredEventReader::State::scan_member() {
  const char* const key_position = scanner.position();
  json::String key;
  if (!scanner.key(key)) return false;
  const std::size_t field = find_field(json::unescape(key, scratch));
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
  const unsigned bit = 1U << field;
  if ((seen & bit) != 0) scanner.note(json::Fault::duplicate_key, key_position);
  seen |= bit;
  values[field] = member;
  return true;
}

// Rejects what is no event whatever its fields hold.
StoredEventReader::State::Result StoredEventReader::State::judge_form(bool is_json) {
  if (!is_json) {
    seen = 0;
    return reject(
        code::json_malformed, "",
        fmt::format("This is not JSON: {}, at byte {}.", scanner.error(), scanner.error_offset()));
  }
  if (text[text.find_first_not_of(" \t\r\n")] != '{') {
    return reject(code::event_not_object, "", "An event has to be a JSON object.");
  }
  if (scanner.fault() != json::Fault::none) {
    FaultReason reason = reason_of(scanner.fault());
    return reject(reason.code, json::pointer_to(text, scanner.fault_position()),
                  std::move(reason.message));
  }
  if (unknown != nullptr) {
    return reject(code::field_unknown, json::pointer_to(text, unknown),
                  "A stored event has no such field.");
  }
  return {};
}

// Sets `event`, or says what is wrong with a field.
StoredEventReader::State::Result StoredEventReader::State::judge() {
  event.line = text;
  const auto id = read_event_id(value(Field::event_id), scratch);
  if (!id) {
    return reject(Field::event_id, code::event_id_invalid,
                  "a UUID of 36 characters, neither nil nor max");
  }
  event.id = *id;
  if (auto rejection = judge_name()) return rejection;
  if (auto rejection = judge_url()) return rejection;
  if (!value(Field::properties).is_object()) {
    return reject(Field::properties, code::properties_type, "a JSON object");
  }
  event.properties = value(Field::properties).text;
  if (auto rejection = judge_times()) return rejection;
  if (has(Field::context) && !value(Field::context).is_object()) {
    return reject(Field::context, code::context_type, "a JSON object");
  }
  event.context = value(Field::context).text;
  if (has(Field::violations) && !value(Field::violations).is_array()) {
    return reject(Field::violations, code::violations_type, "an array");
  }
  event.violations = value(Field::violations).text;
  return {};
}

StoredEventReader::State::Result StoredEventReader::State::judge_name() {
  if (!has(Field::event)) {
    return reject(code::event_missing, "/event", "\"event\", the event's name, is missing.");
  }
  if (!value(Field::event).is_string()) return reject(Field::event, code::event_type, "a string");
  event.name = json::unescape(value(Field::event).string(), name_text);
  const auto characters = count_characters(event.name);
  if (!characters) {
    return reject(Field::event, code::string_invalid, "without control characters");
  }
  if (*characters < 1 || *characters > max_name_characters) {
    return reject(Field::event, code::event_length,
                  fmt::format("1 to {} characters long", max_name_characters));
  }
  return {};
}

StoredEventReader::State::Result StoredEventReader::State::judge_url() {
  event.url.reset();
  if (!has(Field::url)) return {};
  if (!value(Field::url).is_string()) return reject(Field::url, code::url_type, "a string");
  event.url = json::unescape(value(Field::url).string(), url_text);
  if (event.url->size() > max_url_bytes) {
    return reject(Field::url, code::url_length,
                  fmt::format("at most {} bytes long", max_url_bytes));
  }
  return {};
}

StoredEventReader::State::Result StoredEventReader::State::judge_times() {
  if (auto rejection =
          judge_time(Field::server_time, code::server_time_invalid, event.server_time)) {
    return rejection;
  }
  if (auto rejection = judge_time(Field::event_time, code::event_time_invalid, event.event_time)) {
    return rejection;
  }
  if (auto rejection =
          judge_time(Field::client_time, code::client_time_invalid, event.client_time)) {
    return rejection;
  }
  return judge_time(Field::sent_time, code::sent_time_invalid, event.sent_time);
}

StoredEventReader::State::Result StoredEventReader::State::judge_time(Field field,
                                                                      std::string_view code,
                                                                      TimePoint& out) {
  const auto time = read_milliseconds(value(field));
  if (!time) return reject(field, code, "whole milliseconds since 1970, up to the year 9999");
  out = *time;
  return {};
}

StoredEventReader::State::Result StoredEventReader::State::judge_time(
    Field field, std::string_view code, std::optional<TimePoint>& out) {
  out.reset();
  return has(field) ? judge_time(field, code, out.emplace()) : Result{};
}

Rejection StoredEventReader::State::reject(std::string_view code, std::string pointer,
                                           std::string message) {
  const auto id = read_event_id(value(Field::event_id), scratch);
  return {
      .event_id = id, .code = code, .pointer = std::move(pointer), .message = std::move(message)};
}

Rejection StoredEventReader::State::reject(Field field, std::string_view code,
                                           std::string_view what_it_has_to_be) {
  return reject(code, fmt::format("/{}", traits_of(field).name),
                fmt::format("\"{}\" {}has to be {}.", traits_of(field).name,
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
  auto rejection = state_->append(line, batch);
  if (rejection) rejection->raw = line;
  state_->trim();
  return rejection;
}

}  // namespace eventcollect
