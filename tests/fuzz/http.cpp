// Any bytes on a connection: head, chunks and whole connections are read the same whether the bytes
// come at once or in pieces.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/require.hpp"
#include "fuzz/work.hpp"
#include "http/chunked.hpp"
#include "http/connection.hpp"
#include "http/head.hpp"

namespace {

namespace fuzz = eventcollect::fuzz;
using namespace eventcollect::http;

void check_head(std::string_view text) {
  Head head;
  if (parse_head(text, head) != HeadResult::complete) return;
  fuzz::require(text.starts_with(head.text), "the head is at the front of the text");
  fuzz::require(head.request.path.starts_with('/') || head.request.path == "*",
                "a path begins with a slash");
  fuzz::require(!(head.is_chunked && head.content_length), "the length is known in one way");
  Head again;
  fuzz::require(parse_head(head.text, again) == HeadResult::complete,
                "what follows does not change the head");
  Head cut;
  const std::string_view without_end = std::string_view{head.text}.substr(0, head.text.size() - 1);
  fuzz::require(parse_head(without_end, cut) == HeadResult::incomplete,
                "a head is complete at its end and not before");
  HeadWatch watch;
  for (std::size_t bytes = 0; bytes < head.text.size(); ++bytes) {
    fuzz::require(watch.look(text.substr(0, bytes)) == HeadResult::incomplete,
                  "what will be a head is never taken for malformed");
  }
  fuzz::require(watch.look(text) == HeadResult::complete, "the end of a head is seen");
}

std::pair<ChunkedReader::Result, std::string> unchunk(std::string_view text, std::size_t piece) {
  ChunkedReader reader;
  std::string content;
  auto result = ChunkedReader::Result::incomplete;
  while (!text.empty() && result == ChunkedReader::Result::incomplete) {
    std::string_view part = text.substr(0, piece);
    const std::size_t offered = part.size();
    result = reader.read(part, [&](std::string_view bytes) { content += bytes; });
    text.remove_prefix(offered - part.size());
  }
  return {result, content};
}

// What comes of bytes in pieces of this size, by a handler that answers each request with itself.
class Conversation {
 public:
  Conversation(std::string_view text, std::size_t piece) {
    for (; !text.empty() && !connection_.is_closed();
         text.remove_prefix(std::min(piece, text.size()))) {
      connection_.begin_turn(text.substr(0, piece), {});
      while (go_on()) {
      }
      connection_.end_turn();
      const bool is_counted = !connection_.has_buffered_input() || budget_.used() > 0;
      fuzz::require(is_counted, "what is buffered is counted");
    }
    connection_.close();
    fuzz::require(budget_.used() == 0, "what is closed buffers nothing");
  }

  bool operator==(const Conversation& other) const {
    return handled_ == other.handled_ && sent_ == other.sent_;
  }

 private:
  bool go_on() {
    switch (connection_.next()) {
      case Step::none:
        return false;
      case Step::head:
        connection_.take_body(32);
        return true;
      case Step::too_large:
        connection_.answer({413, {}, "too large"}, false);
        return true;
      case Step::request:
        handled_.emplace_back(connection_.request().path);
        handled_.emplace_back(connection_.request().body);
        connection_.answer({200, {}, handled_.back()}, false);
        return true;
      case Step::send:
        send();
        return true;
      case Step::shut_down:
        return true;
    }
    return false;
  }

  // All but what depends on the pieces.
  void send() {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    std::string_view output = connection_.output();
    if (output.starts_with(go_on)) output.remove_prefix(go_on.size());
    sent_ += output;
    connection_.sent(connection_.output().size());
  }

  static inline const Limits limits{.max_head_bytes = 256};
  ByteBudget budget_{limits.max_buffered_bytes};
  ByteBudget unsent_{limits.max_unsent_bytes};
  Counters counters_;
  const Date date_{{}};
  const ConnectionContext context_{limits, budget_, unsent_, counters_, date_};
  Connection connection_{"192.0.2.1", context_};
  std::vector<std::string> handled_;
  std::string sent_;
};

void check_input(std::string_view text) {
  check_head(text);
  fuzz::require(unchunk(text, 1) == unchunk(text, text.size() + 1), "pieces do not matter");
  const Conversation whole{text, text.size() + 1};
  for (const std::size_t piece : {1U, 2U, 7U, 50U}) {
    fuzz::require(Conversation{text, piece} == whole, "pieces do not matter to a connection");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 128 << 10, .bytes_per_byte = 1'500, .copies_per_byte = 5'000};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
