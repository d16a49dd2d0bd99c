#include "eventcollect/parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/encoding.hpp"
#include "event/candidate.hpp"
#include "event/envelope.hpp"
#include "event/fields.hpp"
#include "event/judge.hpp"
#include "event/line_writer.hpp"
#include "json/scanner.hpp"

namespace eventcollect {

using base::skip_byte_order_mark;
using namespace event;

namespace {

using json::Fault;

// From the bytes of a request to candidates. It is in this file because the compiler makes it 5 %
// faster here than in one of its own.
//
// Holds scratch memory. The text must outlive the candidates; each of them is JSON only if it is
// valid UTF-8, too.
class BodyScanner {
 public:
  enum class Outcome : std::uint8_t { fine, malformed, too_many };

  // Scans an event, an array of events, or an object with a "batch" of events. The elements of an
  // array become candidates(), malformed ones and text behind the end included; an object becomes
  // `top`, and `envelope` says if it has a batch. The body is malformed if `top` is, or if quotes
  // or brackets do not close.
  Outcome scan(std::string_view body, std::size_t max_events, Candidate& top, Envelope& envelope);

  // Scans the one event that `line` is. False if it is malformed.
  bool scan_line(std::string_view line, Candidate& candidate);

  const std::vector<Candidate>& candidates() const { return candidates_; }

  // Where and why the last text was malformed.
  const char* error() const { return scanner_.error(); }
  std::size_t error_offset() const { return scanner_.error_offset(); }

  // Forgets the candidates and returns memory that an unusual body took.
  void clear(std::size_t keep_bytes);

 private:
  Outcome scan_elements();
  bool keep_malformed(Candidate& candidate, const char* start);
  bool keep_rest();
  Outcome scan_event(Candidate& candidate, Envelope* envelope);
  Outcome scan_member(Candidate& candidate, Envelope* envelope, unsigned& seen);
  Outcome scan_batch(Candidate& candidate);
  bool scan_value(FieldValue& value);
  void keep_value(Candidate& candidate, Field field, const FieldValue& value);
  void keep_fault(Candidate& candidate) const;

  json::Scanner scanner_{max_depth};
  std::size_t max_events_ = 0;
  std::vector<Candidate> candidates_;
  std::string scratch_;
};

BodyScanner::Outcome BodyScanner::scan(std::string_view body, std::size_t max_events,
                                       Candidate& top, Envelope& envelope) {
  max_events_ = max_events;
  candidates_.clear();  // of a parse that threw
  scanner_.begin(body);
  scanner_.more();
  const Outcome outcome = scanner_.peek() == '[' ? scan_elements() : scan_event(top, &envelope);
  if (outcome != Outcome::fine || !scanner_.more()) return outcome;
  scanner_.malformed("unexpected text after the end");
  const bool is_one_event = !top.raw.empty() && !envelope.found;
  return !is_one_event && keep_rest() ? Outcome::fine : Outcome::malformed;
}

bool BodyScanner::scan_line(std::string_view line, Candidate& candidate) {
  scanner_.begin(line);
  scanner_.more();
  if (scan_event(candidate, nullptr) != Outcome::fine) return false;
  return !scanner_.more() || scanner_.malformed("unexpected text after the end");
}

BodyScanner::Outcome BodyScanner::scan_elements() {
  scanner_.advance();
  scanner_.more();
  if (scanner_.peek() == ']') {
    scanner_.advance();
    return Outcome::fine;
  }
  do {
    if (candidates_.size() == max_events_) return Outcome::too_many;
    // Scanned in place: the vector may move, but nothing else adds to it meanwhile.
    Candidate& candidate = candidates_.emplace_back(candidates_.size());
    const char* const start = scanner_.position();
    bool is_sound = scan_event(candidate, nullptr) == Outcome::fine;
    if (is_sound) {
      scanner_.more();
      is_sound = scanner_.peek() == ',' || scanner_.peek() == ']';
      if (!is_sound) scanner_.malformed("expected ',' or ']'");
    }
    if (!is_sound && !keep_malformed(candidate, start)) return Outcome::malformed;
  } while (scanner_.take(','));
  scanner_.advance();
  return Outcome::fine;
}

// Makes a malformed element, which begins at `start`, a candidate to reject, and goes on at the ','
// or ']' behind it. False if the array has no such end.
bool BodyScanner::keep_malformed(Candidate& candidate, const char* start) {
  const std::string_view rest{start, static_cast<std::size_t>(scanner_.end() - start)};
  const auto length = json::element_end(rest);
  if (!length || *length == rest.size() || rest[*length] == '}') return false;
  candidate.raw = rest.substr(0, *length);
  candidate.is_object = false;
  candidate.malformed = scanner_.error();
  candidate.fault_position = scanner_.position();
  scanner_.resume(start + *length);
  return true;
}

// Makes what follows the events a candidate to reject. False if quotes or brackets do not close.
bool BodyScanner::keep_rest() {
  const char* const start = scanner_.position();
  const std::string_view rest{start, static_cast<std::size_t>(scanner_.end() - start)};
  for (std::string_view text = rest; !text.empty();) {
    const auto length = json::element_end(text);
    if (!length || (*length < text.size() && text[*length] != ',')) return false;
    text.remove_prefix(std::min(*length + 1, text.size()));
  }
  Candidate& candidate = candidates_.emplace_back(candidates_.size());
  candidate.raw = rest;
  candidate.is_object = false;
  candidate.malformed = scanner_.error();
  candidate.fault_position = start;
  return true;
}

// Scans one element. Given an `envelope`, a member "batch" makes the element that.
BodyScanner::Outcome BodyScanner::scan_event(Candidate& candidate, Envelope* envelope) {
  const char* const start = scanner_.position();
  scanner_.clear_fault();
  candidate.is_object = scanner_.peek() == '{';
  if (!candidate.is_object) {
    if (!scanner_.value(1)) return Outcome::malformed;
  } else {
    scanner_.advance();
    scanner_.more();
    unsigned seen = 0;
    if (scanner_.peek() != '}') {
      do {
        const Outcome outcome = scan_member(candidate, envelope, seen);
        if (outcome != Outcome::fine) return outcome;
      } while (scanner_.take(','));
    }
    if (scanner_.peek() != '}') {
      scanner_.malformed("expected ',' or '}'");
      return Outcome::malformed;
    }
    scanner_.advance();
  }
  candidate.raw = {start, static_cast<std::size_t>(scanner_.position() - start)};
  keep_fault(candidate);
  return Outcome::fine;
}

BodyScanner::Outcome BodyScanner::scan_member(Candidate& candidate, Envelope* envelope,
                                              unsigned& seen) {
  const char* const key_position = scanner_.position();
  json::String key;
  if (!scanner_.key(key)) return Outcome::malformed;
  const std::string_view name = json::unescape(key, scratch_);
  const std::size_t place = find_field(name);
  const bool is_field = place != field_count;
  const bool is_batch = !is_field && envelope != nullptr && name == "batch";
  if (is_field || is_batch) {
    if ((seen & (1U << place)) != 0) scanner_.note(Fault::duplicate_key, key_position);
    seen |= 1U << place;
  } else if (candidate.unknown_key.data() == nullptr) {
    candidate.unknown_key = {key_position, key.raw.size() + 2};
  }
  if (is_batch) {
    envelope->found = true;
    envelope->is_array = scanner_.peek() == '[';
    if (envelope->is_array) return scan_batch(candidate);
  }
  scanner_.needs_rewriting();
  FieldValue value;
  if (!scan_value(value)) return Outcome::malformed;
  if (is_field) keep_value(candidate, static_cast<Field>(place), value);
  return Outcome::fine;
}

// Scans the elements of the envelope `candidate`. Their faults are their own.
BodyScanner::Outcome BodyScanner::scan_batch(Candidate& candidate) {
  keep_fault(candidate);
  const Outcome outcome = scan_elements();
  scanner_.clear_fault();
  return outcome;
}

bool BodyScanner::scan_value(FieldValue& value) {
  const char* const start = scanner_.position();
  if (scanner_.peek() == '"') {
    json::String token;
    if (!scanner_.string(token)) return false;
    value.escaped = token.escaped;
  } else if (!scanner_.value(2)) {
    return false;
  }
  value.text = {start, static_cast<std::size_t>(scanner_.position() - start)};
  return true;
}

// Keeps the value of a field that a client may set. What it sends for the others is ignored, and
// null for an optional one means that it is absent.
void BodyScanner::keep_value(Candidate& candidate, Field field, const FieldValue& value) {
  if (value.is_null() && field != Field::event) return;
  switch (field) {
    case Field::event:
      candidate.name = value;
      break;
    case Field::url:
      candidate.url = value;
      break;
    case Field::properties:
      candidate.properties = value;
      candidate.has_unstorable_properties = scanner_.needs_rewriting();
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
      break;
  }
}

void BodyScanner::keep_fault(Candidate& candidate) const {
  if (candidate.fault != Fault::none) return;
  candidate.fault = scanner_.fault();
  candidate.fault_position = scanner_.fault_position();
}

void BodyScanner::clear(std::size_t keep_bytes) {
  candidates_.clear();
  if (candidates_.capacity() * sizeof(Candidate) > keep_bytes) candidates_.shrink_to_fit();
  if (scratch_.capacity() > keep_bytes) std::string{}.swap(scratch_);
  scanner_.trim();
}

using Outcome = BodyScanner::Outcome;

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Calls `handle` with each line of `body` that is not blank until it returns false.
template <typename Handle>
void for_each_line(std::string_view body, Handle handle) {
  while (!body.empty()) {
    const std::size_t length = std::min(body.find('\n'), body.size());
    const std::string_view line = body.substr(0, length);
    if (!is_blank(line) && !handle(line)) return;
    body.remove_prefix(std::min(length + 1, body.size()));
  }
}

// When the event happened by the server's clock.
TimePoint event_time_of(const Event& event, std::chrono::milliseconds upload_time) {
  if (!event.client_time || !event.sent_time) return event.server_time;
  const auto delay = *event.sent_time - *event.client_time;
  const bool is_credible = delay >= std::chrono::milliseconds{0} && delay <= max_client_delay;
  if (!is_credible) return event.server_time;
  return std::max(TimePoint{}, event.server_time - upload_time - delay);
}

}  // namespace

// One call of parse(), and the scratch objects that it uses.
struct Parser::State {
  Stamp stamp;
  Rules rules;
  Batch* batch = nullptr;
  std::vector<Rejection>* rejections = nullptr;

  BodyScanner scanner;
  Judge judge;
  LineWriter writer;
  Event event;  // the one in work: kept, since clearing it costs more than setting it

  void parse_json(std::string_view body);
  void parse_lines(std::string_view body);
  void parse_line(std::string_view line, std::size_t index);
  void take(const Candidate& candidate, const FieldValue& batch_sent_time);
  void add(Rejection rejection, std::string_view raw);
  bool is_utf8_around_events(std::string_view body) const;
  void reject(std::size_t index, std::string_view raw, std::string_view code, std::string pointer,
              std::string message);
  void reject_malformed(std::size_t index, std::string_view raw, std::string_view what);
  void reject_too_many(std::string_view body);
  void trim();
};

void Parser::State::parse_json(std::string_view body) {
  if (is_blank(body)) return reject(0, body, code::body_empty, "", "The body is empty.");
  const bool is_utf8 = json::check_utf8(body);
  Envelope envelope;
  Candidate top{0};
  const Outcome outcome = scanner.scan(body, rules.max_events, top, envelope);
  if (outcome == Outcome::too_many) return reject_too_many(body);
  const bool is_one_event = !top.raw.empty() && !envelope.found;
  if (!is_utf8 && (outcome != Outcome::fine || is_one_event || !is_utf8_around_events(body))) {
    return reject(0, body, code::json_malformed, "", "The body is not valid UTF-8.");
  }
  if (outcome != Outcome::fine) return reject_malformed(0, body, "body");
  if (is_one_event) return take(top, {});
  if (envelope.found) {
    if (auto rejection = judge_envelope(envelope, top, body)) {
      return add(*std::move(rejection), body);
    }
  }
  if (scanner.candidates().empty()) {
    reject(0, body, code::body_empty, envelope.found ? "/batch" : "", "The array holds no events.");
  }
  const FieldValue batch_sent_time = envelope.found ? top.sent_time : FieldValue{};
  for (const Candidate& candidate : scanner.candidates()) {
    if (is_utf8 || json::check_utf8(candidate.raw)) {
      take(candidate, batch_sent_time);
    } else {
      add(event::reject(candidate, code::json_malformed, "", "The element is not valid UTF-8."),
          candidate.raw);
    }
  }
}

// Whether what stands before the first and behind the last event of an array is valid UTF-8.
bool Parser::State::is_utf8_around_events(std::string_view body) const {
  const auto& events = scanner.candidates();
  if (events.empty()) return false;
  const std::string_view last = events.back().raw;
  const char* const end = last.data() + last.size();
  return json::check_utf8(
             {body.data(), static_cast<std::size_t>(events.front().raw.data() - body.data())}) &&
         json::check_utf8({end, static_cast<std::size_t>(body.data() + body.size() - end)});
}

void Parser::State::parse_lines(std::string_view body) {
  std::size_t count = 0;
  for_each_line(body, [&](std::string_view) { return ++count <= rules.max_events; });
  if (count > rules.max_events) return reject_too_many(body);
  if (count == 0) reject(0, body, code::body_empty, "", "The body holds no events.");
  std::size_t index = 0;
  for_each_line(body, [&](std::string_view line) {
    parse_line(line, index++);
    return true;
  });
}

void Parser::State::parse_line(std::string_view line, std::size_t index) {
  if (!json::check_utf8(line)) {
    return reject(index, line, code::json_malformed, "", "The line is not valid UTF-8.");
  }
  Candidate candidate{index};
  if (!scanner.scan_line(line, candidate)) return reject_malformed(index, line, "line");
  take(candidate, {});
}

// Stores the candidate's event in the batch, or rejects it.
void Parser::State::take(const Candidate& candidate, const FieldValue& batch_sent_time) {
  if (!judge.judge(candidate, batch_sent_time, rules, event)) {
    return add(judge.take_rejection(), candidate.raw);
  }
  event.server_time = stamp.server_time;
  event.event_time = event_time_of(event, stamp.upload_time);
  if (!candidate.event_id.present()) event.id = mint_uuid(stamp.server_time);
  event.context = stamp.context;
  writer.write(candidate, event);
  batch->append(event);
}

// Keeps the rejection with the beginning of `raw`; all of it where an event may be as large.
void Parser::State::add(Rejection rejection, std::string_view raw) {
  rejection.raw = json::clip(raw, std::max(max_raw_bytes, rules.max_event_bytes));
  if (rejection.raw.size() < raw.size()) rejection.raw_bytes = raw.size();
  rejections->push_back(std::move(rejection));
}

void Parser::State::reject(std::size_t index, std::string_view raw, std::string_view code,
                           std::string pointer, std::string message) {
  add({.index = index,
       .event_id = {},
       .code = code,
       .pointer = std::move(pointer),
       .message = std::move(message)},
      raw);
}

void Parser::State::reject_malformed(std::size_t index, std::string_view raw,
                                     std::string_view what) {
  reject(index, raw, code::json_malformed, "",
         fmt::format("The {} is not valid JSON: {} at byte {}.", what, scanner.error(),
                     scanner.error_offset()));
}

void Parser::State::reject_too_many(std::string_view body) {
  reject(0, body, code::body_too_many_events, "",
         fmt::format("The body holds more than {} events.", rules.max_events));
}

void Parser::State::trim() {
  constexpr std::size_t keep_bytes = 64 << 10;
  scanner.clear(keep_bytes);
  judge.trim(keep_bytes);
  writer.trim(keep_bytes);
}

Parser::Parser() : state_{std::make_unique<State>()} {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

void Parser::parse(std::string_view body, BodyFormat format, const Stamp& stamp, const Rules& rules,
                   Batch& batch, std::vector<Rejection>& rejections) {
  state_->stamp = stamp;
  state_->rules = rules;
  state_->batch = &batch;
  state_->rejections = &rejections;
  body = skip_byte_order_mark(body);
  if (format == BodyFormat::json) {
    state_->parse_json(body);
  } else {
    state_->parse_lines(body);
  }
  state_->trim();
}

bool is_json_object(std::string_view line) {
  json::Scanner scanner{max_depth};
  if (!json::check_utf8(line)) return false;
  scanner.begin(line);
  return scanner.peek() == '{' && scanner.value(1) && !scanner.more();
}

}  // namespace eventcollect
