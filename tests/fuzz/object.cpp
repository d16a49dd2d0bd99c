// Any bytes as an object of events, as they are and gzipped: reading ends, in pieces of any size
// alike, and each line is an event or has a reason why not.
#include <algorithm>

#include "fuzz/require.hpp"
#include "objects/event_object.hpp"
#include "support/bytes_reader.hpp"

namespace {

using namespace eventcollect;
using namespace eventcollect::objects;

struct Found {
  std::string lines;
  std::size_t unreadable = 0;
  bool is_damaged = false;
};

Found read(std::string_view content, std::size_t piece_bytes, std::size_t max_events) {
  EventObject object{std::make_unique<test::BytesReader>(std::string{content}, piece_bytes)};
  Found found;
  for (Delivery delivery; object.read(delivery, max_events); delivery.clear()) {
    fuzz::require(delivery.size() > 0, "a read that is not at the end has something");
    fuzz::require(delivery.batch.size() <= max_events, "a read is bounded");
    found.lines += delivery.batch.ndjson();
    found.unreadable += delivery.rejections.size();
    for (const auto& one : delivery.rejections) {
      fuzz::require(!one.code.empty(), "what is unreadable has a reason");
    }
  }
  found.is_damaged = !object.damage().empty();
  return found;
}

void check(std::string_view content, std::size_t piece_bytes, std::size_t max_events) {
  const Found whole = read(content, std::string::npos, 1'000);
  const Found pieces = read(content, piece_bytes, max_events);
  fuzz::require(pieces.lines == whole.lines, "the pieces do not matter");
  fuzz::require(pieces.unreadable == whole.unreadable, "the pieces do not matter to rejections");
  fuzz::require(pieces.is_damaged == whole.is_damaged, "the pieces do not matter to damage");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  std::string_view input{reinterpret_cast<const char*>(data), bytes};
  const std::size_t piece_bytes = 1 + eventcollect::fuzz::take_byte(input);
  const std::size_t max_events = 1 + eventcollect::fuzz::take_byte(input) % 4;
  check(input, piece_bytes, max_events);
  std::string gzipped = eventcollect::test::gzipped(input);
  const bool is_whole = read(gzipped, piece_bytes, max_events).is_damaged;
  eventcollect::fuzz::require(!is_whole, "what was gzipped whole is not damaged");
  // A byte of it changed, and its end cut off.
  if (bytes > 2) gzipped[data[0] % gzipped.size()] ^= static_cast<char>(data[1] | 1U);
  if (bytes > 2)
    gzipped.resize(gzipped.size() - data[1] % std::min<std::size_t>(8, gzipped.size()));
  check(gzipped, piece_bytes, max_events);
  return 0;
}
