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

using namespace event;

namespace {

// The members of a line. Holds scratch memory.
class StoredLine {
 public:
  // Whether `line`, which must be valid UTF-8 and outlive the values, is JSON. The members of an
  // object become the values of their fields.
  bool scan(std::string_view line);

  // Forgets the line.
  void clear() { seen_ = 0; }

  std::string_view text() const { return text_; }
  bool has(Field field) const { return (seen_ & (1U << index_of(field))) != 0; }
  FieldValue value(Field field) const {
    return has(field) ? values_[index_of(field)] : FieldValue{};
  }

  // The first key that is no field's, or null.
  const char* unknown() const { return unknown_; }

  // Tells what the last scan met: faults, what cannot be stored, why the line is malformed.
  json::Scanner& scanner() { return scanner_; }

  // Returns memory that an unusual line took.
  void trim(std::size_t keep_bytes);

 private:
  bool scan_member();

  json::Scanner scanner_{max_depth};
  std::string_view text_;
  std::array<FieldValue, field_count> values_;
  unsigned seen_ = 0;  // a bit for each of `values_` that is of this line
  const char* unknown_ = nullptr;
  std::string scratch_;
};

bool StoredLine::scan(std::string_view line) {
  text_ = line;
  seen_ = 0;
  unknown_ = nullptr;
  scanner_.begin(line);
  scanner_.more();
  if (scanner_.peek() != '{') {
    if (!scanner_.value(1)) return false;
  } else {
    scanner_.advance();
    scanner_.more();
    if (scanner_.peek() != '}') {
      do {
        if (!scan_member()) return false;
      } while (scanner_.take(','));
    }
    if (scanner_.peek() != '}') return scanner_.malformed("expected ',' or '}'");
    scanner_.advance();
  }
  return !scanner_.more() || scanner_.malformed("unexpected text after the end");
}

bool StoredLine::scan_member() {
  const char* const key_position = scanner_.position();
  json::String key;
  if (!scanner_.key(key)) return false;
  const std::size_t field = find_field(json::unescape(key, scratch_));
  FieldValue member;
  const char* const start = scanner_.position();
  if (scanner_.peek() == '"') {
    json::String token;
    if (!scanner_.string(token)) return false;
    member.escaped = token.escaped;
  } else if (!scanner_.value(2)) {
    return false;
  }
  member.text = {start, static_cast<std::size_t>(scanner_.position() - start)};
  if (field == field_count) {
    if (unknown_ == nullptr) unknown_ = key_position;
    return true;
  }
  const unsigned bit = 1U << field;
  if ((seen_ & bit) != 0) scanner_.note(json::Fault::duplicate_key, key_position);
  seen_ |= bit;
  values_[field] = member;
  return true;
}

void StoredLine::trim(std::size_t keep_bytes) {
  if (scratch_.capacity() > keep_bytes) std::string{}.swap(scratch_);
  scanner_.trim();
}

}  // namespace

struct StoredEventReader::State {
  using Result = std::optional<Rejection>;

  StoredLine line;
  Event event;
  std::string name_text;
  std::string url_text;
  std::string storable;
  std::string scratch;

  Result append(std::string_view text, Batch& batch);
  Result judge_form(bool is_json);
  Result judge();
  Result judge_name();
  Result judge_url();
  Result judge_times();
  Result judge_time(Field field, std::string_view code, TimePoint& out);
  Result judge_time(Field field, std::string_view code, std::optional<TimePoint>& out);
  Rejection reject(std::string_view code, std::string pointer, std::string message);
  Rejection reject(Field field, std::string_view code, std::string_view rule);
  void trim();
};

StoredEventReader::State::Result StoredEventReader::State::append(std::string_view text,
                                                                  Batch& batch) {
  line.clear();
  if (text.size() > max_stored_bytes) {
    return reject(
        code::event_too_large, "",
        fmt::format("The line must have at most {} bytes, got {}.", max_stored_bytes, text.size()));
  }
  if (!json::check_utf8(text)) {
    return reject(code::json_malformed, "", "The line is not valid UTF-8.");
  }
  if (auto rejection = judge_form(line.scan(text))) return rejection;
  if (line.scanner().needs_rewriting()) {
    storable.clear();
    json::append_storable(storable, text);
    line.scan(storable);
  }
  if (auto rejection = judge()) return rejection;
  batch.append(event);
  return {};
}

// Rejects a line that is not an event, whatever the values of its fields.
StoredEventReader::State::Result StoredEventReader::State::judge_form(bool is_json) {
  if (!is_json) {
    line.clear();
    return reject(code::json_malformed, "",
                  fmt::format("The line is not valid JSON: {} at byte {}.", line.scanner().error(),
                              line.scanner().error_offset()));
  }
  const std::string_view text = line.text();
  if (text[text.find_first_not_of(" \t\r\n")] != '{') {
    return reject(code::event_not_object, "", "An event must be a JSON object.");
  }
  if (line.scanner().fault() != json::Fault::none) {
    FaultReason reason = reason_of(line.scanner().fault());
    return reject(reason.code,
                  json::pointer_to(text, line.scanner().fault_position(), max_pointer_bytes),
                  std::move(reason.message));
  }
  if (line.unknown() != nullptr) {
    return reject(code::field_unknown, json::pointer_to(text, line.unknown(), max_pointer_bytes),
                  "A stored event has no such field.");
  }
  return {};
}

// Sets `event`, or says what is wrong with a field.
StoredEventReader::State::Result StoredEventReader::State::judge() {
  event.line = line.text();
  const auto id = read_event_id(line.value(Field::event_id), scratch);
  if (!id) {
    return reject(Field::event_id, code::event_id_invalid,
                  "a UUID of 36 characters, neither nil nor max");
  }
  event.id = *id;
  if (auto rejection = judge_name()) return rejection;
  if (auto rejection = judge_url()) return rejection;
  if (!line.value(Field::properties).is_object()) {
    return reject(Field::properties, code::properties_type, "a JSON object");
  }
  event.properties = line.value(Field::properties).text;
  if (auto rejection = judge_times()) return rejection;
  if (line.has(Field::context) && !line.value(Field::context).is_object()) {
    return reject(Field::context, code::context_type, "a JSON object");
  }
  event.context = line.value(Field::context).text;
  if (line.has(Field::violations) && !line.value(Field::violations).is_array()) {
    return reject(Field::violations, code::violations_type, "a JSON array");
  }
  event.violations = line.value(Field::violations).text;
  return {};
}

StoredEventReader::State::Result StoredEventReader::State::judge_name() {
  if (!line.has(Field::event)) {
    return reject(code::event_missing, "/event", "\"event\", the event's name, is missing.");
  }
  if (!line.value(Field::event).is_string())
    return reject(Field::event, code::event_type, "a string");
  event.name = json::unescape(line.value(Field::event).string(), name_text);
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
  if (!line.has(Field::url)) return {};
  if (!line.value(Field::url).is_string()) return reject(Field::url, code::url_type, "a string");
  event.url = json::unescape(line.value(Field::url).string(), url_text);
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
  const auto time = read_milliseconds(line.value(field));
  if (!time) return reject(field, code, "whole milliseconds since 1970, up to the year 9999");
  out = *time;
  return {};
}

StoredEventReader::State::Result StoredEventReader::State::judge_time(
    Field field, std::string_view code, std::optional<TimePoint>& out) {
  out.reset();
  return line.has(field) ? judge_time(field, code, out.emplace()) : Result{};
}

Rejection StoredEventReader::State::reject(std::string_view code, std::string pointer,
                                           std::string message) {
  const auto id = read_event_id(line.value(Field::event_id), scratch);
  return {
      .event_id = id, .code = code, .pointer = std::move(pointer), .message = std::move(message)};
}

Rejection StoredEventReader::State::reject(Field field, std::string_view code,
                                           std::string_view rule) {
  return reject(code, fmt::format("/{}", traits_of(field).name),
                fmt::format("\"{}\" {}must be {}.", traits_of(field).name,
                            line.has(field) ? "" : "is missing; it ", rule));
}

void StoredEventReader::State::trim() {
  constexpr std::size_t keep_bytes = 64 << 10;
  for (std::string* buffer : {&name_text, &url_text, &storable, &scratch}) {
    if (buffer->capacity() > keep_bytes) std::string{}.swap(*buffer);
  }
  line.trim(keep_bytes);
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
