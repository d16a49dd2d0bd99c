#include "eventcollect/dead_letter.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/format.hpp"
#include "json/text.hpp"
#include "sink/guard.hpp"
#include "sink/letter.hpp"

namespace eventcollect {

using base::append_base64;
using base::append_format;
using sink::checked_write;
using sink::complete_letter;
using sink::letter_event;
using sink::letter_head;

namespace {

void append_member(std::string& out, std::string_view name, std::string_view value) {
  append_format(out, ",\"{}\":", name);
  json::append_string(out, value);
}

void append_letter(Batch& letters, TimePoint now, DeadLetterOrigin origin,
                   const Rejection& rejection, std::string_view raw) {
  const Uuid id = mint_uuid(now);
  std::string line = letter_head(id, now, origin, rejection);
  complete_letter(line, raw);
  letters.append(letter_event(id, now, line, line));
}

}  // namespace

namespace sink {

Event letter_event(const Uuid& dead_id, TimePoint now, std::string_view line,
                   std::string_view properties) {
  Event letter;
  letter.id = dead_id;
  letter.name = "dead_letter";
  letter.server_time = now;
  letter.event_time = now;
  letter.properties = properties;
  letter.line = line;
  return letter;
}

std::string letter_head(const Uuid& dead_id, TimePoint now, DeadLetterOrigin origin,
                        const Rejection& rejection) {
  std::string head =
      fmt::format(R"({{"dead_id":"{}","server_time":{},"origin":"{}")", dead_id.to_string(),
                  to_milliseconds(now), origin == DeadLetterOrigin::ingest ? "ingest" : "pump");
  append_member(head, "code", rejection.code);
  append_member(head, "pointer", rejection.pointer);
  append_member(head, "message", rejection.message);
  if (rejection.event_id) append_member(head, "event_id", rejection.event_id->to_string());
  if (rejection.raw_bytes > 0) {
    append_format(head, R"(,"truncated":true,"raw_bytes":{})", rejection.raw_bytes);
  }
  head.push_back('}');
  return head;
}

void complete_letter(std::string& head, std::string_view raw) {
  head.pop_back();
  // No database holds U+0000, so bytes with one are no text either.
  if (json::check_utf8(raw) && raw.find('\0') == std::string_view::npos) {
    append_member(head, "raw", raw);
  } else {
    head += R"(,"raw_base64":")";
    append_base64(head, raw);
    head.push_back('"');
  }
  head.push_back('}');
}

}  // namespace sink

void append_dead_letter(Batch& letters, TimePoint now, DeadLetterOrigin origin,
                        const Rejection& rejection) {
  append_letter(letters, now, origin, rejection, rejection.raw);
}

void append_dead_letters(Batch& letters, TimePoint now, const Batch& batch,
                         const Rejections& rejections) {
  for (const Rejection& rejection : rejections) {
    append_letter(letters, now, DeadLetterOrigin::pump, rejection, batch[rejection.index].line);
  }
}

void write_dead_letters(Sink& sink, const Batch& letters) {
  Rejections rejections;
  sink.write(letters, rejections);
  if (rejections.empty()) return;
  throw Error{Error::misconfigured,
              fmt::format("the sink of the dead letters rejected one: {}", rejections[0].message)};
}

DeadLetterSink::DeadLetterSink(std::shared_ptr<Sink> inner, std::shared_ptr<Sink> letters,
                               const Clock& clock)
    : inner_{std::move(inner)}, letters_{std::move(letters)}, clock_{clock} {}

void DeadLetterSink::write(const Batch& batch, Rejections& rejections) {
  Rejections of_inner;
  checked_write(*inner_, batch, of_inner);
  if (of_inner.empty()) return;
  rejections.add(of_inner);
  Batch letters;
  append_dead_letters(letters, clock_.now(), batch, of_inner);
  write_dead_letters(*letters_, letters);
}

void DeadLetterSink::maintain() {
  inner_->maintain();
  letters_->maintain();
}

}  // namespace eventcollect
