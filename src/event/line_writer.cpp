#include "event/line_writer.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "json/text.hpp"

namespace eventcollect::event {
namespace {

// What a line takes beside the client's texts and the context: our keys, the id and four times.
constexpr std::size_t fixed_line_bytes = 256;

// Writes text to memory, of which there must be enough.
class Output {
 public:
  explicit Output(char* begin) : begin_{begin}, next_{begin} {}

  // Returns the copy.
  std::string_view put(std::string_view text) {
    char* const copy = skip(text.size());
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
  }

  void put(TimePoint time) {
    const fmt::format_int digits{to_milliseconds(time)};
    put({digits.data(), digits.size()});
  }

  // Leaves room for `bytes`.
  char* skip(std::size_t bytes) { return std::exchange(next_, next_ + bytes); }

  std::string_view text() const { return {begin_, static_cast<std::size_t>(next_ - begin_)}; }

 private:
  char* begin_;
  char* next_;
};

void put_times(Output& out, const Event& event, std::string_view server_time) {
  out.put(R"(,"server_time":)");
  out.put(server_time);
  out.put(R"(,"event_time":)");
  if (event.event_time == event.server_time) {
    out.put(server_time);
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
}

}  // namespace

void LineWriter::write(const Candidate& candidate, Event& event) {
  const std::string_view name = name_in_line(candidate, event.name);
  const std::string_view url = event.url ? url_in_line(candidate, *event.url) : "";
  const std::string_view properties = properties_in_line(candidate);
  const std::size_t max_bytes =
      fixed_line_bytes + name.size() + url.size() + properties.size() + event.context.size();
  if (line_.size() < max_bytes) line_.resize(max_bytes);

  Output out{line_.data()};
  out.put(R"({"event_id":")");
  event.id.write(out.skip(Uuid::text_bytes));
  out.put(R"(","event":)");
  const std::string_view name_copy = out.put(name);
  if (!candidate.name.escaped) event.name = name_copy.substr(1, event.name.size());
  if (event.url) {
    out.put(R"(,"url":")");
    const std::string_view copy = out.put(url);
    if (!candidate.url.escaped) event.url = copy;
    out.put("\"");
  }
  out.put(R"(,"properties":)");
  event.properties = out.put(properties);
  put_times(out, event, digits_of(event.server_time));
  if (!event.context.empty()) {
    out.put(R"(,"context":)");
    event.context = out.put(event.context);
  }
  out.put("}");
  event.line = out.text();
}

std::string_view LineWriter::digits_of(TimePoint server_time) {
  if (server_time != server_time_) {
    server_time_ = server_time;
    const fmt::format_int digits{to_milliseconds(server_time)};
    server_time_digits_.assign(digits.data(), digits.size());
  }
  return server_time_digits_;
}

// The string token for `name`, which is the candidate's.
std::string_view LineWriter::name_in_line(const Candidate& candidate, std::string_view name) {
  if (!candidate.name.escaped) return candidate.name.text;
  escaped_name_.clear();
  escaped_name_.push_back('"');
  json::append_escaped(escaped_name_, name);
  escaped_name_.push_back('"');
  return escaped_name_;
}

// The inside of the string token for `url`, which is what the rules leave of the candidate's.
std::string_view LineWriter::url_in_line(const Candidate& candidate, std::string_view url) {
  if (!candidate.url.escaped) return url;
  escaped_url_.clear();
  json::append_escaped(escaped_url_, url);
  return escaped_url_;
}

std::string_view LineWriter::properties_in_line(const Candidate& candidate) {
  if (!candidate.properties.present()) return "{}";
  if (!candidate.has_unstorable_properties) return candidate.properties.text;
  properties_.clear();
  json::append_storable(properties_, candidate.properties.text);
  return properties_;
}

void LineWriter::trim(std::size_t keep_bytes) {
  for (std::string* buffer : {&line_, &escaped_name_, &escaped_url_, &properties_}) {
    if (buffer->capacity() > keep_bytes) std::string{}.swap(*buffer);
  }
}

}  // namespace eventcollect::event
