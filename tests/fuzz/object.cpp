// Any bytes as an object of events, as they are and gzipped: reading ends, in pieces of any size
// alike, and each line is an event or has a reason why not.
#include <algorithm>

#include "fuzz/require.hpp"
#include "fuzz/work.hpp"
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

void check_input(std::string_view input) {
  const std::size_t piece_bytes = 1 + fuzz::take_byte(input);
  const unsigned choice = fuzz::take_byte(input);
  const std::size_t max_events = 1 + choice % 4;
  check(input, piece_bytes, max_events);
  std::string gzipped = test::gzipped(input);
  const bool is_whole = read(gzipped, piece_bytes, max_events).is_damaged;
  fuzz::require(!is_whole, "what was gzipped whole is not damaged");
  // A byte of it changed, and its end cut off.
  gzipped[piece_bytes % gzipped.size()] ^= static_cast<char>(choice | 1U);
  gzipped.resize(gzipped.size() - choice % 8);
  check(gzipped, piece_bytes, max_events);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 8 << 20, .bytes_per_byte = 8'000, .copies_per_byte = 20'000};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
