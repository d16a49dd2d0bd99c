#include "eventcollect/dead_letter.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/format.hpp"
#include "json/text.hpp"
#include "sink/guard.hpp"

namespace eventcollect {

using base::append_base64;
using base::append_format;
using sink::checked_write;

namespace {

void append_member(std::string& out, std::string_view name, std::string_view value) {
  append_format(out, ",\"{}\":", name);
  json::append_string(out, value);
}

void append_letter(Batch& letters, TimePoint now, DeadLetterOrigin origin,
                   const Rejection& rejection, std::string_view raw) {
  Event letter;
  letter.id = mint_uuid(now);
  std::string line =
      fmt::format(R"({{"dead_id":"{}","server_time":{},"origin":"{}")", letter.id.to_string(),
                  to_milliseconds(now), origin == DeadLetterOrigin::ingest ? "ingest" : "pump");
  append_member(line, "code", rejection.code);
  append_member(line, "pointer", rejection.pointer);
  append_member(line, "message", rejection.message);
  if (rejection.event_id) append_member(line, "event_id", rejection.event_id->to_string());
  // No database holds U+0000, so bytes with one are no text either.
  if (json::check_utf8(raw) && raw.find('\0') == std::string_view::npos) {
    append_member(line, "raw", raw);
  } else {
    line += R"(,"raw_base64":")";
    append_base64(line, raw);
    line.push_back('"');
  }
  line.push_back('}');

  letter.name = "dead_letter";
  letter.server_time = now;
  letter.event_time = now;
  letter.properties = line;
  letter.line = line;
  letters.append(letter);
}

}  // namespace

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
