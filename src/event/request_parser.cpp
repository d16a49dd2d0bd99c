#include "eventcollect/parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "event/fault_reason.hpp"
#include "event/field_value.hpp"
#include "event/fields.hpp"
#include "event/page_url.hpp"
#include "json/scanner.hpp"

namespace eventcollect {
namespace {

using json::Fault;

// An event of which only the JSON has been looked at.
struct Candidate {
  // With a constructor of its own it is not cleared before its members are set.
  explicit Candidate(std::size_t place) : index{place} {}

  std::size_t index;
  std::string_view raw;
  FieldValue name;
  FieldValue url;
  FieldValue properties;
  FieldValue event_id;
  FieldValue client_time;
  FieldValue sent_time;
  bool is_object = true;
  bool spaced_properties = false;
  // The first thing that is wrong with it, if anything.
  Fault fault = Fault::none;
  const char* fault_position = nullptr;
  std::string_view unknown_key;  // as written

  bool is_faultless() const { return fault == Fault::none && unknown_key.data() == nullptr; }
};

// The object around the events, where there is one.
struct Envelope {
  bool found = false;
  bool is_array = true;
};

enum class Outcome : std::uint8_t { fine, malformed, too_many };

std::optional<TimePoint> read_time(const FieldValue& value, std::string& scratch) {
  if (value.is_string()) return parse_rfc3339(json::unescape(value.string(), scratch));
  return read_milliseconds(value);
}

// Writes text to memory, of which there has to be enough.
class Writer {
 public:
  explicit Writer(char* begin) : begin_{begin}, next_{begin} {}

  // Returns the copy.
  std::string_view put(std::string_view text) {
    char* const copy = skip(text.size());
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
  }

  void put(const fmt::format_int& digits) { put({digits.data(), digits.size()}); }
  void put(TimePoint time) { put(fmt::format_int{to_milliseconds(time)}); }

  // Leaves room for `bytes`.
  char* skip(std::size_t bytes) { return std::exchange(next_, next_ + bytes); }

  std::string_view text() const { return {begin_, static_cast<std::size_t>(next_ - begin_)}; }

 private:
  char* begin_;
  char* next_;
};

// What a line takes beside the client's texts and the context: our keys, the id and four times.
constexpr std::size_t fixed_line_bytes = 256;

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

struct Parser::State {
  Stamp stamp;
  Rules rules;
  Batch* batch = nullptr;
  std::vector<Rejection>* rejections = nullptr;

  json::Scanner scanner{max_depth};
  std::vector<Candidate> candidates;
  Event event;  // the one being judged: kept, since clearing it costs more than setting it
  std::optional<fmt::format_int> server_time;  // in digits, for all the events of a body
  std::string line;                            // the last one that was written, and room
  std::string name;
  std::string url;
  std::string escaped_url;
  std::string properties;
  std::string scratch;

  Outcome scan_body(std::string_view body, Envelope& envelope, Candidate& top);
  Outcome scan_elements();
  Outcome scan_event(Candidate& candidate, Envelope* envelope);
  Outcome scan_member(Candidate& candidate, Envelope* envelope, unsigned& seen);

  void parse_json(std::string_view body);
  void parse_lines(std::string_view body);
  bool parse_line(std::string_view text, std::size_t index);

  void reject(std::size_t index, std::string_view raw, std::string_view code, std::string pointer,
              std::string message);
  void reject(const Candidate& candidate, std::string_view code, std::string pointer,
              std::string message);
  void reject_malformed(std::size_t index, std::string_view raw);
  void reject_too_many(std::string_view body);
  bool reject_envelope(const Envelope& envelope, const Candidate& top, std::string_view body);
  void reject_fault(const Candidate& candidate);
  void judge(const Candidate& candidate, const FieldValue& batch_sent_time);
  bool judge_name(const Candidate& candidate, std::string_view& out);
  bool judge_url(const Candidate& candidate, std::optional<std::string_view>& out);
  void reject_time(const Candidate& candidate, std::string_view field, std::string_view code);
  void accept(const Candidate& candidate);
  void write_line(const Candidate& candidate);
  std::string_view url_in_line(const Candidate& candidate, std::string_view address);
  std::string_view properties_in_line(const Candidate& candidate);
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
    Candidate& candidate = candidates.emplace_back(candidates.size());
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
  const std::string_view key_text = json::unescape(key, scratch);
  const std::size_t field = find_field(key_text);
  const bool is_field = field != field_count;
  const bool is_batch = !is_field && envelope != nullptr && key_text == "batch";
  const bool is_known = is_field || is_batch;
  if (!is_known) {
    if (candidate.unknown_key.data() == nullptr) {
      candidate.unknown_key = {key_position, key.raw.size() + 2};
    }
  } else {
    if ((seen & (1U << field)) != 0) scanner.note(Fault::duplicate_key, key_position);
    seen |= 1U << field;
  }

  if (is_batch) {
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

  FieldValue value;
  const char* const start = scanner.position();
  scanner.spaced();
  if (scanner.peek() == '"') {
    json::String token;
    if (!scanner.string(token)) return Outcome::malformed;
    value.escaped = token.escaped;
  } else if (!scanner.value(2)) {
    return Outcome::malformed;
  }
  value.text = {start, static_cast<std::size_t>(scanner.position() - start)};
  if (!is_field) return Outcome::fine;
  switch (static_cast<Field>(field)) {
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
    case Field::server_time:
    case Field::event_time:
    case Field::context:
    case Field::violations:
      break;  // the server's own, so what a client sends is ignored
  }
  return Outcome::fine;
}

void Parser::State::parse_json(std::string_view body) {
  if (is_blank(body)) {
    return reject(0, body, code::body_empty, "", "The body is empty.");
  }
  if (!json::check_utf8(body)) {
    return reject(0, body, code::json_malformed, "", "The body is not valid UTF-8.");
  }
  Envelope envelope;
  Candidate top{0};
  const Outcome outcome = scan_body(body, envelope, top);
  if (outcome == Outcome::too_many) return reject_too_many(body);
  if (outcome == Outcome::malformed) return reject_malformed(0, body);
  const bool is_one_event = !top.raw.empty() && !envelope.found;
  if (is_one_event) return judge(top, {});
  if (envelope.found && reject_envelope(envelope, top, body)) return;
  if (candidates.empty()) {
    reject(0, body, code::body_empty, envelope.found ? "/batch" : "", "The array holds no event.");
  }
  const FieldValue batch_sent_time = envelope.found ? top.sent_time : FieldValue{};
  for (const Candidate& candidate : candidates) judge(candidate, batch_sent_time);
}

void Parser::State::parse_lines(std::string_view body) {
  std::size_t count = 0;
  for (std::string_view rest = body; !rest.empty();) {
    const std::size_t length = std::min(rest.find('\n'), rest.size());
    if (!is_blank(rest.substr(0, length)) && ++count > rules.max_events) {
      return reject_too_many(body);
    }
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
  if (count == 0) reject(0, body, code::body_empty, "", "The body holds no event.");

  std::size_t index = 0;
  for (std::string_view rest = body; !rest.empty();) {
    const std::size_t length = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, length);
    if (!is_blank(text) && !parse_line(text, index++)) reject_malformed(index - 1, text);
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
}

// False where the line is no JSON.
bool Parser::State::parse_line(std::string_view text, std::size_t index) {
  scanner.begin(text);
  if (!json::check_utf8(text)) return scanner.malformed("the text is not valid UTF-8");
  scanner.more();
  Candidate candidate{index};
  if (scan_event(candidate, nullptr) != Outcome::fine) return false;
  if (scanner.more()) return scanner.malformed("something follows after the end");
  judge(candidate, {});
  return true;
}

void Parser::State::reject(std::size_t index, std::string_view raw, std::string_view code,
                           std::string pointer, std::string message) {
  rejections->push_back({.index = index,
                         .event_id = {},
                         .code = code,
                         .pointer = std::move(pointer),
                         .message = std::move(message),
                         .raw = std::string{raw}});
}

void Parser::State::reject(const Candidate& candidate, std::string_view code, std::string pointer,
                           std::string message) {
  reject(candidate.index, candidate.raw, code, std::move(pointer), std::move(message));
  if (!candidate.event_id.is_string()) return;
  const auto id = Uuid::parse(json::unescape(candidate.event_id.string(), scratch));
  if (id && !id->is_nil() && !id->is_max()) rejections->back().event_id = id;
}

void Parser::State::reject_malformed(std::size_t index, std::string_view raw) {
  reject(index, raw, code::json_malformed, "",
         fmt::format("This is not JSON: {}, at byte {}.", scanner.error(), scanner.error_offset()));
}

void Parser::State::reject_too_many(std::string_view body) {
  reject(0, body, code::body_too_many_events, "",
         fmt::format("The body holds more than {} events.", rules.max_events));
}

bool Parser::State::reject_envelope(const Envelope& envelope, const Candidate& top,
                                    std::string_view body) {
  Candidate whole = top;
  whole.raw = body;
  if (!whole.is_faultless()) {
    reject_fault(whole);
    return true;
  }
  if (!envelope.is_array) {
    reject(whole, code::event_not_object, "/batch", "\"batch\" has to be an array of events.");
    return true;
  }
  const std::pair<const FieldValue&, Field> misplaced[] = {{top.name, Field::event},
                                                           {top.url, Field::url},
                                                           {top.event_id, Field::event_id},
                                                           {top.properties, Field::properties},
                                                           {top.client_time, Field::client_time}};
  for (const auto& [value, field] : misplaced) {
    if (!value.present()) continue;
    reject(whole, code::field_unknown, fmt::format("/{}", traits_of(field).name),
           "Beside \"batch\" only \"sent_time\" is known: put the rest into the events.");
    return true;
  }
  return false;
}

// Rejects what no event may hold anywhere in it, where the candidate is not faultless.
void Parser::State::reject_fault(const Candidate& candidate) {
  if (candidate.fault == Fault::none) {
    return reject(candidate, code::field_unknown,
                  json::pointer_to(candidate.raw, candidate.unknown_key.data()),
                  "An event has no such field: put it under \"properties\".");
  }
  FaultReason reason = reason_of(candidate.fault);
  reject(candidate, reason.code, json::pointer_to(candidate.raw, candidate.fault_position),
         std::move(reason.message));
}

void Parser::State::judge(const Candidate& candidate, const FieldValue& batch_sent_time) {
  if (!candidate.is_object) {
    reject(candidate, code::event_not_object, "", "An event has to be a JSON object.");
    return;
  }
  if (candidate.raw.size() > rules.max_event_bytes) {
    reject(candidate, code::event_too_large, "",
           fmt::format("The event has {} bytes; {} are the most.", candidate.raw.size(),
                       rules.max_event_bytes));
    return;
  }
  if (!candidate.is_faultless()) return reject_fault(candidate);

  if (!judge_name(candidate, event.name) || !judge_url(candidate, event.url)) return;
  if (candidate.properties.present() && !candidate.properties.is_object()) {
    reject(candidate, code::properties_type, "/properties",
           "\"properties\" has to be a JSON object.");
    return;
  }
  if (candidate.event_id.present()) {
    const auto id = read_event_id(candidate.event_id, scratch);
    if (!id) {
      reject(candidate, code::event_id_invalid, "/event_id",
             "\"event_id\" has to be a UUID of 36 characters, neither nil nor max.");
      return;
    }
    event.id = *id;
  }
  const FieldValue& sent = candidate.sent_time.present() ? candidate.sent_time : batch_sent_time;
  event.client_time.reset();
  event.sent_time.reset();
  if (candidate.client_time.present()) {
    event.client_time = read_time(candidate.client_time, scratch);
    if (!event.client_time) return reject_time(candidate, "client_time", code::client_time_invalid);
  }
  if (sent.present()) {
    event.sent_time = read_time(sent, scratch);
    if (!event.sent_time) return reject_time(candidate, "sent_time", code::sent_time_invalid);
  }
  accept(candidate);
}

bool Parser::State::judge_name(const Candidate& candidate, std::string_view& out) {
  if (!candidate.name.present()) {
    reject(candidate, code::event_missing, "/event", "\"event\", the event's name, is missing.");
    return false;
  }
  if (!candidate.name.is_string()) {
    reject(candidate, code::event_type, "/event", "\"event\" has to be a string.");
    return false;
  }
  out = json::unescape(candidate.name.string(), name);
  const auto characters = count_characters(out);
  if (!characters) {
    reject(candidate, code::string_invalid, "/event", "\"event\" holds a control character.");
    return false;
  }
  if (*characters < 1 || *characters > max_name_characters) {
    reject(candidate, code::event_length, "/event",
           fmt::format("\"event\" has {} characters; 1 to {} are taken.", *characters,
                       max_name_characters));
    return false;
  }
  return true;
}

bool Parser::State::judge_url(const Candidate& candidate, std::optional<std::string_view>& out) {
  out.reset();
  if (!candidate.url.present()) return true;
  if (!candidate.url.is_string()) {
    reject(candidate, code::url_type, "/url", "\"url\" has to be a string.");
    return false;
  }
  out = json::unescape(candidate.url.string(), url);
  if (out->size() > max_url_bytes) {
    reject(candidate, code::url_length, "/url",
           fmt::format("\"url\" has {} bytes; {} are the most.", out->size(), max_url_bytes));
    return false;
  }
  out = strip_page_url(*out, rules, url);
  return true;
}

void Parser::State::reject_time(const Candidate& candidate, std::string_view field,
                                std::string_view code) {
  reject(candidate, code, fmt::format("/{}", field),
         fmt::format("\"{}\" has to be whole milliseconds since 1970, or RFC 3339, up to the year "
                     "9999.",
                     field));
}

void Parser::State::accept(const Candidate& candidate) {
  event.server_time = stamp.server_time;
  event.event_time = stamp.server_time;
  if (event.client_time && event.sent_time) {
    const auto delay = *event.sent_time - *event.client_time;
    if (delay >= std::chrono::milliseconds{0} && delay <= max_client_delay) {
      event.event_time = std::max(TimePoint{}, stamp.server_time - delay);
    }
  }
  if (!candidate.event_id.present()) event.id = mint_uuid(stamp.server_time);
  event.context = stamp.context;
  write_line(candidate);
  batch->append(event);
}

// Writes the event's line and turns its views to it where it has the same text.
void Parser::State::write_line(const Candidate& candidate) {
  const std::string_view url_text = event.url ? url_in_line(candidate, *event.url) : "";
  const std::string_view properties_text = properties_in_line(candidate);
  const std::size_t most = fixed_line_bytes + candidate.name.text.size() + url_text.size() +
                           properties_text.size() + event.context.size();
  if (line.size() < most) line.resize(most);

  Writer out{line.data()};
  out.put(R"({"event_id":")");
  event.id.write(out.skip(Uuid::text_bytes));
  out.put(R"(","event":)");
  const std::string_view name_text = out.put(candidate.name.text);
  if (!candidate.name.escaped) event.name = name_text.substr(1, event.name.size());
  if (event.url) {
    out.put(R"(,"url":")");
    const std::string_view copy = out.put(url_text);
    if (!candidate.url.escaped) event.url = copy;
    out.put("\"");
  }
  out.put(R"(,"properties":)");
  event.properties = out.put(properties_text);
  out.put(R"(,"server_time":)");
  out.put(*server_time);
  out.put(R"(,"event_time":)");
  if (event.event_time == event.server_time) {
    out.put(*server_time);
  } else {
    out.put(event.event_time);
  }
  if (event.client_time) {
    out.put(R"(,"client_time":)");
    out.put(*event.client_time);
  }
  if (event.sent_time) {
    out.put(R"(,"sent_time":)");
    out.put(*event.sent_time);
  }
  if (!event.context.empty()) {
    out.put(R"(,"context":)");
    event.context = out.put(event.context);
  }
  out.put("}");
  event.line = out.text();
}

// The inside of the string token that stands for `address`, what is left of the candidate's url.
std::string_view Parser::State::url_in_line(const Candidate& candidate, std::string_view address) {
  if (!candidate.url.escaped) return address;
  escaped_url.clear();
  json::append_escaped(escaped_url, address);
  return escaped_url;
}

std::string_view Parser::State::properties_in_line(const Candidate& candidate) {
  if (!candidate.properties.present()) return "{}";
  if (!candidate.spaced_properties) return candidate.properties.text;
  properties.clear();
  json::append_compact(properties, candidate.properties.text);
  return properties;
}

void Parser::State::trim() {
  constexpr std::size_t kept_bytes = 64 << 10;
  candidates.clear();
  if (candidates.capacity() * sizeof(Candidate) > kept_bytes) candidates.shrink_to_fit();
  for (std::string* buffer : {&line, &name, &url, &escaped_url, &properties, &scratch}) {
    if (buffer->capacity() > kept_bytes) std::string{}.swap(*buffer);
  }
  scanner.trim();
}

Parser::Parser() : state_{std::make_unique<State>()} {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

void Parser::parse(std::string_view body, BodyFormat format, const Stamp& stamp, const Rules& rules,
                   Batch& batch, std::vector<Rejection>& rejections) {
  state_->stamp = stamp;
  state_->server_time.emplace(to_milliseconds(stamp.server_time));
  state_->rules = rules;
  state_->batch = &batch;
  state_->rejections = &rejections;
  if (format == BodyFormat::json) {
    state_->parse_json(body);
  } else {
    state_->parse_lines(body);
  }
  state_->trim();
}

bool is_json_object(std::string_view line) {
  thread_local json::Scanner scanner{max_depth};
  if (!json::check_utf8(line)) return false;
  scanner.begin(line);
  const bool valid = scanner.peek() == '{' && scanner.value(1) && !scanner.more();
  scanner.trim();
  return valid;
}

}  // namespace eventcollect
