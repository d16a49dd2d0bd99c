#include "eventcollect/dead_letter.hpp"

#include <fmt/format.h>

#include "base/format.hpp"
#include "json/text.hpp"

namespace eventcollect {
namespace {

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte_at = [&](std::size_t i) -> unsigned {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned group = byte_at(i) << 16 | byte_at(i + 1) << 8 | byte_at(i + 2);
    out.push_back(alphabet[group >> 18]);
    out.push_back(alphabet[(group >> 12) & 63]);
    out.push_back(i + 1 < bytes.size() ? alphabet[(group >> 6) & 63] : '=');
    out.push_back(i + 2 < bytes.size() ? alphabet[group & 63] : '=');
  }
}

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
  inner_->write(batch, rejections);
  if (rejections.empty()) return;
  Batch letters;
  append_dead_letters(letters, clock_.now(), batch, rejections);
  write_dead_letters(*letters_, letters);
}

void DeadLetterSink::maintain() {
  inner_->maintain();
  letters_->maintain();
}

}  // namespace eventcollect
