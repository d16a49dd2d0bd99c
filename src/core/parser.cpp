#include "eventcollect/parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/json.hpp"
#include "core/page_url.hpp"

namespace eventcollect {
namespace {

using json::Fault;

enum class Field : std::uint8_t {
  event,
  url,
  properties,
  event_id,
  client_time,
  sent_time,
  server_owned,  // server_time, event_time, context, violations: ours, so not believed
  batch,
  unknown,
};

struct FieldName {
  std::string_view name;
  Field field;
};

constexpr FieldName field_names[] = {
    {"event", Field::event},
    {"url", Field::url},
    {"properties", Field::properties},
    {"event_id", Field::event_id},
    {"client_time", Field::client_time},
    {"sent_time", Field::sent_time},
    {"server_time", Field::server_owned},
    {"event_time", Field::server_owned},
    {"context", Field::server_owned},
    {"violations", Field::server_owned},
    {"batch", Field::batch},
};

struct NamedField {
  std::size_t place;  // in field_names, or its size
  Field field;
};

NamedField find_field(std::string_view name) {
  std::size_t place = 0;
  for (const FieldName& candidate : field_names) {
    if (candidate.name == name) return {place, candidate.field};
    ++place;
  }
  return {place, Field::unknown};
}

// A member's value as it stands in the text; `string` is set if it is one.
struct Value {
  std::string_view text;
  json::String string;

  bool present() const { return !text.empty(); }
  bool is_string() const { return present() && text.front() == '"'; }
  bool is_object() const { return present() && text.front() == '{'; }
};

// An event of which only the JSON has been looked at.
struct Candidate {
  std::size_t index = 0;
  std::string_view raw;
  Value name;
  Value url;
  Value properties;
  Value event_id;
  Value client_time;
  Value sent_time;
  bool is_object = true;
  bool spaced_properties = false;
  // The first thing that is wrong with it, if anything.
  Fault fault = Fault::none;
  const char* fault_position = nullptr;
  std::string_view unknown_key;  // as written
};

// The object around the events, where there is one.
struct Envelope {
  bool found = false;
  bool is_array = true;
};

enum class Outcome : std::uint8_t { fine, malformed, too_many };

std::optional<TimePoint> read_time(const Value& value, std::string& scratch) {
  if (value.is_string()) return parse_rfc3339(json::unescape(value.string, scratch));
  std::int64_t milliseconds = 0;
  const char* end = value.text.data() + value.text.size();
  const auto parsed = std::from_chars(value.text.data(), end, milliseconds);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return {};
  const TimePoint time = from_milliseconds(milliseconds);
  if (time < TimePoint{} || time > latest_time) return {};
  return time;
}

// The length of UTF-8 text in characters, or nothing if a control character is among them.
std::optional<std::size_t> count_characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_c1 = byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F || is_c1) return {};
    if ((byte & 0xC0) != 0x80) ++count;
  }
  return count;
}

void append_number(std::string& out, TimePoint time) {
  const fmt::format_int digits{to_milliseconds(time)};
  out.append(digits.data(), digits.size());
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

struct Parser::State {
  Stamp stamp;
  Rules rules;
  Batch* batch = nullptr;
  std::vector<Refused>* refused = nullptr;

  json::Scanner scanner;
  std::vector<Candidate> candidates;
  std::string line;
  std::string name;
  std::string url;
  std::string scratch;

  Outcome scan_body(std::string_view body, Envelope& envelope, Candidate& top);
  Outcome scan_elements();
  Outcome scan_event(Candidate& candidate, Envelope* envelope);
  Outcome scan_member(Candidate& candidate, Envelope* envelope, unsigned& seen);

  void parse_json(std::string_view body);
  void parse_lines(std::string_view body);
  bool parse_line(std::string_view text, std::size_t index);

  void refuse(std::size_t index, std::string_view raw, std::string_view code, std::string pointer,
              std::string message);
  void refuse(const Candidate& candidate, std::string_view code, std::string pointer,
              std::string message);
  void refuse_malformed(std::size_t index, std::string_view raw);
  void refuse_too_many(std::string_view body);
  bool refuse_envelope(const Envelope& envelope, const Candidate& top, std::string_view body);
  bool refuse_fault(const Candidate& candidate);
  void judge(const Candidate& candidate, const Value& batch_sent_time);
  bool judge_name(const Candidate& candidate, std::string_view& out);
  bool judge_url(const Candidate& candidate, std::optional<std::string_view>& out);
  bool judge_time(const Candidate& candidate, const Value& value, std::string_view field,
                  std::string_view code, std::optional<TimePoint>& out);
  void accept(const Candidate& candidate, Event& event);
  void write_line(const Candidate& candidate, Event& event);
  void trim();
};

Outcome Parser::State::scan_body(std::string_view body, Envelope& envelope, Candidate& top) {
  candidates.clear();  // what a parse that threw has left
  scanner.begin(body);
  scanner.more();
  Outcome outcome = Outcome::fine;
  if (scanner.peek() == '[') {
    outcome = scan_elements();
  } else {
    outcome = scan_event(top, &envelope);
    if (outcome == Outcome::fine && !envelope.found) candidates.push_back(top);
  }
  if (outcome == Outcome::fine && scanner.more()) {
    scanner.malformed("something follows after the end");
    return Outcome::malformed;
  }
  return outcome;
}

Outcome Parser::State::scan_elements() {
  scanner.advance();
  scanner.more();
  if (scanner.peek() == ']') {
    scanner.advance();
    return Outcome::fine;
  }
  do {
    if (candidates.size() == rules.max_events) return Outcome::too_many;
    // Scanned in place: the vector may move, but nothing else adds to it meanwhile.
    Candidate& candidate = candidates.emplace_back();
    candidate.index = candidates.size() - 1;
    const Outcome outcome = scan_event(candidate, nullptr);
    if (outcome != Outcome::fine) return outcome;
  } while (scanner.take(','));
  if (scanner.peek() != ']') {
    scanner.malformed("',' or ']' was expected");
    return Outcome::malformed;
  }
  scanner.advance();
  return Outcome::fine;
}

// Reads one element. Given an `envelope`, a member "batch" makes the element that.
Outcome Parser::State::scan_event(Candidate& candidate, Envelope* envelope) {
  const char* const start = scanner.position();
  scanner.clear_fault();
  candidate.is_object = scanner.peek() == '{';
  if (!candidate.is_object) {
    if (!scanner.value(1)) return Outcome::malformed;
  } else {
    scanner.advance();
    scanner.more();
    unsigned seen = 0;
    if (scanner.peek() != '}') {
      do {
        const Outcome outcome = scan_member(candidate, envelope, seen);
        if (outcome != Outcome::fine) return outcome;
      } while (scanner.take(','));
    }
    if (scanner.peek() != '}') {
      scanner.malformed("',' or '}' was expected");
      return Outcome::malformed;
    }
    scanner.advance();
  }
  candidate.raw = {start, static_cast<std::size_t>(scanner.position() - start)};
  if (candidate.fault == Fault::none) {
    candidate.fault = scanner.fault();
    candidate.fault_position = scanner.fault_position();
  }
  return Outcome::fine;
}

Outcome Parser::State::scan_member(Candidate& candidate, Envelope* envelope, unsigned& seen) {
  const char* const key_position = scanner.position();
  json::String key;
  if (!scanner.key(key)) return Outcome::malformed;
  NamedField named = find_field(json::unescape(key, scratch));
  if (named.field == Field::batch && envelope == nullptr) named.field = Field::unknown;
  if (named.field == Field::unknown) {
    if (candidate.unknown_key.data() == nullptr) {
      candidate.unknown_key = {key_position, key.raw.size() + 2};
    }
  } else {
    if ((seen & (1U << named.place)) != 0) scanner.note(Fault::duplicate_key, key_position);
    seen |= 1U << named.place;
  }

  if (named.field == Field::batch) {
    envelope->found = true;
    envelope->is_array = scanner.peek() == '[';
    if (envelope->is_array) {
      // The faults of the elements are theirs, those so far the envelope's.
      if (scanner.fault() != Fault::none && candidate.fault == Fault::none) {
        candidate.fault = scanner.fault();
        candidate.fault_position = scanner.fault_position();
      }
      const Outcome outcome = scan_elements();
      scanner.clear_fault();
      return outcome;
    }
  }

  Value value;
  const char* const start = scanner.position();
  scanner.spaced();
  const bool fine = scanner.peek() == '"' ? scanner.string(value.string) : scanner.value(2);
  if (!fine) return Outcome::malformed;
  value.text = {start, static_cast<std::size_t>(scanner.position() - start)};
  switch (named.field) {
    case Field::event:
      candidate.name = value;
      break;
    case Field::url:
      candidate.url = value;
      break;
    case Field::properties:
      candidate.properties = value;
      candidate.spaced_properties = scanner.spaced();
      break;
    case Field::event_id:
      candidate.event_id = value;
      break;
    case Field::client_time:
      candidate.client_time = value;
      break;
    case Field::sent_time:
      candidate.sent_time = value;
      break;
    case Field::server_owned:
    case Field::batch:
    case Field::unknown:
      break;
  }
  return Outcome::fine;
}

void Parser::State::parse_json(std::string_view body) {
  if (is_blank(body)) {
    return refuse(0, body, code::body_empty, "", "The body is empty.");
  }
  if (!json::check_utf8(body)) {
    return refuse(0, body, code::json_malformed, "", "The body is not valid UTF-8.");
  }
  Envelope envelope;
  Candidate top;
  const Outcome outcome = scan_body(body, envelope, top);
  if (outcome == Outcome::too_many) return refuse_too_many(body);
  if (outcome == Outcome::malformed) return refuse_malformed(0, body);
  if (envelope.found && refuse_envelope(envelope, top, body)) return;
  if (candidates.empty()) {
    refuse(0, body, code::body_empty, envelope.found ? "/batch" : "", "The array holds no event.");
  }
  const Value batch_sent_time = envelope.found ? top.sent_time : Value{};
  for (const Candidate& candidate : candidates) judge(candidate, batch_sent_time);
}

void Parser::State::parse_lines(std::string_view body) {
  std::size_t count = 0;
  for (std::string_view rest = body; !rest.empty();) {
    const std::size_t length = std::min(rest.find('\n'), rest.size());
    if (!is_blank(rest.substr(0, length)) && ++count > rules.max_events) {
      return refuse_too_many(body);
    }
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
  if (count == 0) refuse(0, body, code::body_empty, "", "The body holds no event.");

  std::size_t index = 0;
  for (std::string_view rest = body; !rest.empty();) {
    const std::size_t length = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, length);
    if (!is_blank(text) && !parse_line(text, index++)) refuse_malformed(index - 1, text);
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
}

// False where the line is no JSON.
bool Parser::State::parse_line(std::string_view text, std::size_t index) {
  scanner.begin(text);
  if (!json::check_utf8(text)) return scanner.malformed("the text is not valid UTF-8");
  scanner.more();
  Candidate candidate;
  candidate.index = index;
  if (scan_event(candidate, nullptr) != Outcome::fine) return false;
  if (scanner.more()) return scanner.malformed("something follows after the end");
  judge(candidate, {});
  return true;
}

void Parser::State::refuse(std::size_t index, std::string_view raw, std::string_view code,
                           std::string pointer, std::string message) {
  refused->push_back({{index, {}, code, std::move(pointer), std::move(message)}, raw});
}

void Parser::State::refuse(const Candidate& candidate, std::string_view code, std::string pointer,
                           std::string message) {
  refuse(candidate.index, candidate.raw, code, std::move(pointer), std::move(message));
  if (!candidate.event_id.is_string()) return;
  const auto id = Uuid::parse(json::unescape(candidate.event_id.string, scratch));
  if (id && !id->is_nil() && !id->is_max()) refused->back().rejection.event_id = id;
}

void Parser::State::refuse_malformed(std::size_t index, std::string_view raw) {
  refuse(index, raw, code::json_malformed, "",
         fmt::format("This is not JSON: {}, at byte {}.", scanner.error(), scanner.error_offset()));
}

void Parser::State::refuse_too_many(std::string_view body) {
  refuse(0, body, code::body_too_many_events, "",
         fmt::format("The body holds more than {} events.", rules.max_events));
}

bool Parser::State::refuse_envelope(const Envelope& envelope, const Candidate& top,
                                    std::string_view body) {
  Candidate whole = top;
  whole.raw = body;
  if (refuse_fault(whole)) return true;
  if (!envelope.is_array) {
    refuse(whole, code::event_not_object, "/batch", "\"batch\" has to be an array of events.");
    return true;
  }
  const std::pair<const Value&, std::string_view> misplaced[] = {{top.name, "event"},
                                                                 {top.url, "url"},
                                                                 {top.event_id, "event_id"},
                                                                 {top.properties, "properties"},
                                                                 {top.client_time, "client_time"}};
  for (const auto& [value, field] : misplaced) {
    if (!value.present()) continue;
    refuse(whole, code::field_unknown, fmt::format("/{}", field),
           "Beside \"batch\" only \"sent_time\" is known: put the rest into the events.");
    return true;
  }
  return false;
}

// Refuses what no event may hold anywhere in it.
bool Parser::State::refuse_fault(const Candidate& candidate) {
  if (candidate.fault != Fault::none) {
    std::string pointer = json::pointer_to(candidate.raw, candidate.fault_position);
    switch (candidate.fault) {
      case Fault::too_deep:
        refuse(candidate, code::json_too_deep, std::move(pointer),
               fmt::format("An event may be nested {} levels deep, itself included.", max_depth));
        break;
      case Fault::duplicate_key:
        refuse(candidate, code::field_duplicate, std::move(pointer),
               "An object has this key twice.");
        break;
      case Fault::invalid_string:
        refuse(candidate, code::string_invalid, std::move(pointer),
               "A string holds U+0000 or half of a surrogate pair.");
        break;
      case Fault::number_range:
        refuse(candidate, code::number_range, std::move(pointer),
               "A number is beyond the range of a double.");
        break;
      case Fault::none:
        break;
    }
    return true;
  }
  if (candidate.unknown_key.data() == nullptr) return false;
  refuse(candidate, code::field_unknown,
         json::pointer_to(candidate.raw, candidate.unknown_key.data()),
         "An event has no such field: put it under \"properties\".");
  return true;
}

void Parser::State::judge(const Candidate& candidate, const Value& batch_sent_time) {
  if (!candidate.is_object) {
    refuse(candidate, code::event_not_object, "", "An event has to be a JSON object.");
    return;
  }
  if (candidate.raw.size() > rules.max_event_bytes) {
    refuse(candidate, code::event_too_large, "",
           fmt::format("The event has {} bytes; {} are the most.", candidate.raw.size(),
                       rules.max_event_bytes));
    return;
  }
  if (refuse_fault(candidate)) return;

  Event event;
  if (!judge_name(candidate, event.name) || !judge_url(candidate, event.url)) return;
  if (candidate.properties.present() && !candidate.properties.is_object()) {
    refuse(candidate, code::properties_type, "/properties",
           "\"properties\" has to be a JSON object.");
    return;
  }
  if (candidate.event_id.present()) {
    const bool is_string = candidate.event_id.is_string();
    const auto id =
        is_string ? Uuid::parse(json::unescape(candidate.event_id.string, scratch)) : std::nullopt;
    if (!id || id->is_nil() || id->is_max()) {
      refuse(candidate, code::event_id_invalid, "/event_id",
             "\"event_id\" has to be a UUID of 36 characters, neither nil nor max.");
      return;
    }
    event.id = *id;
  }
  const Value& sent = candidate.sent_time.present() ? candidate.sent_time : batch_sent_time;
  if (!judge_time(candidate, candidate.client_time, "client_time", code::client_time_invalid,
                  event.client_time) ||
      !judge_time(candidate, sent, "sent_time", code::sent_time_invalid, event.sent_time)) {
    return;
  }
  accept(candidate, event);
}

bool Parser::State::judge_name(const Candidate& candidate, std::string_view& out) {
  if (!candidate.name.present()) {
    refuse(candidate, code::event_missing, "/event", "\"event\", the event's name, is missing.");
    return false;
  }
  if (!candidate.name.is_string()) {
    refuse(candidate, code::event_type, "/event", "\"event\" has to be a string.");
    return false;
  }
  out = json::unescape(candidate.name.string, name);
  const auto characters = count_characters(out);
  if (!characters) {
    refuse(candidate, code::string_invalid, "/event", "\"event\" holds a control character.");
    return false;
  }
  if (*characters < 1 || *characters > max_name_characters) {
    refuse(candidate, code::event_length, "/event",
           fmt::format("\"event\" has {} characters; 1 to {} are taken.", *characters,
                       max_name_characters));
    return false;
  }
  return true;
}

bool Parser::State::judge_url(const Candidate& candidate, std::optional<std::string_view>& out) {
  if (!candidate.url.present()) return true;
  if (!candidate.url.is_string()) {
    refuse(candidate, code::url_type, "/url", "\"url\" has to be a string.");
    return false;
  }
  out = json::unescape(candidate.url.string, url);
  if (out->size() > max_url_bytes) {
    refuse(candidate, code::url_length, "/url",
           fmt::format("\"url\" has {} bytes; {} are the most.", out->size(), max_url_bytes));
    return false;
  }
  out = strip_page_url(*out, rules, url);
  return true;
}

bool Parser::State::judge_time(const Candidate& candidate, const Value& value,
                               std::string_view field, std::string_view code,
                               std::optional<TimePoint>& out) {
  if (!value.present()) return true;
  out = read_time(value, scratch);
  if (out) return true;
  refuse(candidate, code, fmt::format("/{}", field),
         fmt::format("\"{}\" has to be whole milliseconds since 1970, or RFC 3339, up to the year "
                     "9999.",
                     field));
  return false;
}

void Parser::State::accept(const Candidate& candidate, Event& event) {
  event.server_time = stamp.server_time;
  event.event_time = stamp.server_time;
  if (event.client_time && event.sent_time) {
    const auto delay = *event.sent_time - *event.client_time;
    if (delay >= std::chrono::milliseconds{0} && delay <= max_client_delay) {
      event.event_time = std::max(TimePoint{}, stamp.server_time - delay);
    }
  }
  if (event.id.is_nil()) event.id = mint_uuid(stamp.server_time);
  event.context = stamp.context;
  write_line(candidate, event);
  batch->append(event);
}

// Writes the event's line and turns its views to it where it has the same text.
void Parser::State::write_line(const Candidate& candidate, Event& event) {
  line.assign(R"({"event_id":")");
  line.resize(line.size() + Uuid::text_bytes);
  event.id.write(line.data() + line.size() - Uuid::text_bytes);
  line += R"(","event":)";
  const std::size_t name_at = line.size() + 1;
  line += candidate.name.text;
  std::size_t url_at = 0;
  const bool same_url = event.url && !candidate.url.string.escaped;
  if (event.url) {
    line += R"(,"url":)";
    url_at = line.size() + 1;
    line.push_back('"');
    if (same_url) {
      line += *event.url;
    } else {
      json::append_escaped(line, *event.url);
    }
    line.push_back('"');
  }
  line += R"(,"properties":)";
  const std::size_t properties_at = line.size();
  if (!candidate.properties.present()) {
    line += "{}";
  } else if (candidate.spaced_properties) {
    json::append_compact(line, candidate.properties.text);
  } else {
    line += candidate.properties.text;
  }
  const std::size_t properties_end = line.size();
  line += R"(,"server_time":)";
  append_number(line, event.server_time);
  line += R"(,"event_time":)";
  append_number(line, event.event_time);
  if (event.client_time) {
    line += R"(,"client_time":)";
    append_number(line, *event.client_time);
  }
  if (event.sent_time) {
    line += R"(,"sent_time":)";
    append_number(line, *event.sent_time);
  }
  std::size_t context_at = 0;
  if (!event.context.empty()) {
    line += R"(,"context":)";
    context_at = line.size();
    line += event.context;
  }
  line.push_back('}');

  const std::string_view text = line;
  if (!candidate.name.string.escaped) event.name = text.substr(name_at, event.name.size());
  if (same_url) event.url = text.substr(url_at, event.url->size());
  event.properties = text.substr(properties_at, properties_end - properties_at);
  if (!event.context.empty()) event.context = text.substr(context_at, event.context.size());
  event.line = text;
}

void Parser::State::trim() {
  constexpr std::size_t kept_bytes = 64 << 10;
  candidates.clear();
  if (candidates.capacity() * sizeof(Candidate) > kept_bytes) candidates.shrink_to_fit();
  for (std::string* buffer : {&line, &name, &url, &scratch}) {
    if (buffer->capacity() > kept_bytes) std::string{}.swap(*buffer);
  }
  scanner.trim();
}

Parser::Parser() : state_{std::make_unique<State>()} {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

void Parser::parse(std::string_view body, BodyFormat format, const Stamp& stamp, const Rules& rules,
                   Batch& batch, std::vector<Refused>& refused) {
  state_->stamp = stamp;
  state_->rules = rules;
  state_->batch = &batch;
  state_->refused = &refused;
  if (format == BodyFormat::json) {
    state_->parse_json(body);
  } else {
    state_->parse_lines(body);
  }
  state_->trim();
}

bool is_json_object(std::string_view line) {
  thread_local json::Scanner scanner;
  if (!json::check_utf8(line)) return false;
  scanner.begin(line);
  const bool valid = scanner.peek() == '{' && scanner.value(1) && !scanner.more();
  scanner.trim();
  return valid;
}

}  // namespace eventcollect
