// Any bytes on a connection: the head is read the same whether it comes at once or byte by byte,
// and chunks undone in pieces are the chunks undone at once.
#include <string>
#include <utility>

#include "fuzz/require.hpp"
#include "http/chunked.hpp"
#include "http/head.hpp"

namespace {

namespace fuzz = eventcollect::fuzz;
using namespace eventcollect::http;

void check_head(std::string_view text) {
  Head head;
  if (parse_head(text, head) != HeadResult::complete) return;
  fuzz::require(text.starts_with(head.text), "the head is at the front of the text");
  fuzz::require(head.request.path.starts_with('/'), "a path begins with a slash");
  fuzz::require(!(head.is_chunked && head.content_length), "the length is known in one way");
  Head again;
  fuzz::require(parse_head(head.text, again) == HeadResult::complete,
                "what follows does not change the head");
  Head cut;
  const std::string_view without_end = std::string_view{head.text}.substr(0, head.text.size() - 1);
  fuzz::require(parse_head(without_end, cut) == HeadResult::incomplete,
                "a head is complete at its end and not before");
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text{reinterpret_cast<const char*>(data), bytes};
  check_head(text);
  fuzz::require(unchunk(text, 1) == unchunk(text, bytes + 1), "pieces do not matter");
  return 0;
}
