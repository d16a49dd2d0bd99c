#include "objects/gzip_reader.hpp"

#include <cstring>
#include <new>
#include <vector>

#ifdef EVENTCOLLECT_WITH_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

namespace eventcollect::objects {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{128} << 10;

// At the end of a member ISA-L gives back what it has read ahead, up to 8 bytes, even where those
// came with an earlier call: so they still stand before what was read from the object since.
constexpr std::size_t kept_bytes = 8;

enum class Step : std::uint8_t { going_on, member_ends, damaged };

// What the two libraries have in common: input, output, one step.
class Inflater {
 public:
#ifdef EVENTCOLLECT_WITH_ISAL
  Inflater() { begin(); }

  void begin() {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP;
  }

  // Takes from `in` and writes to `out`, and moves both on.
  Step step(std::string_view& in, char*& out, std::size_t& room) {
    state_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(in.data()));
    state_.avail_in = static_cast<std::uint32_t>(in.size());
    state_.next_out = reinterpret_cast<std::uint8_t*>(out);
    state_.avail_out = static_cast<std::uint32_t>(room);
    const int result = isal_inflate(&state_);
    out += room - state_.avail_out;
    room = state_.avail_out;
    // What stands in next_in then, in version 2.30, is not to be relied on.
    if (result < 0) return Step::damaged;
    // It may have moved back: see kept_bytes.
    in = {reinterpret_cast<const char*>(state_.next_in), state_.avail_in};
    return state_.block_state == ISAL_BLOCK_FINISH ? Step::member_ends : Step::going_on;
  }

 private:
  inflate_state state_{};
#else
  Inflater() {
    constexpr int gzip_only = 15 + 16;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) throw std::bad_alloc{};
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void begin() { inflateReset(&stream_); }

  Step step(std::string_view& in, char*& out, std::size_t& room) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(in.size() - stream_.avail_in);
    out += room - stream_.avail_out;
    room = stream_.avail_out;
    if (result == Z_STREAM_END) return Step::member_ends;
    return result == Z_OK || result == Z_BUF_ERROR ? Step::going_on : Step::damaged;
  }

 private:
  z_stream stream_{};
#endif
};

}  // namespace

struct GzipReader::State {
  explicit State(std::unique_ptr<ObjectReader> reader)
      : object{std::move(reader)}, buffer(kept_bytes + buffer_bytes) {}

  // Reads on from the object, once all of the input is inflated. Returns how much that was: as much
  // as there is room for, so that the pieces the object comes in do not decide how far a library
  // gets into a damaged one.
  std::size_t fill() {
    char* const begin = buffer.data() + kept_bytes;
    std::memmove(buffer.data(), buffer.data() + filled, kept_bytes);
    filled = 0;
    while (filled < buffer_bytes) {
      const std::size_t got = object->read(begin + filled, buffer_bytes - filled);
      if (got == 0) break;
      filled += got;
    }
    input = {begin, filled};
    return filled;
  }

  std::unique_ptr<ObjectReader> object;
  std::vector<char> buffer;  // kept_bytes, then what was read last
  std::size_t filled = 0;    // of the latter
  std::string_view input;    // of the buffer, not yet inflated
  Inflater inflater;
  bool in_member = false;
  bool at_end = false;
};

GzipReader::GzipReader(std::unique_ptr<ObjectReader> object)
    : state_{std::make_unique<State>(std::move(object))} {}
GzipReader::~GzipReader() = default;
GzipReader::GzipReader(GzipReader&&) noexcept = default;
GzipReader& GzipReader::operator=(GzipReader&&) noexcept = default;

std::size_t GzipReader::read(char* out, std::size_t bytes) {
  State& state = *state_;
  char* place = out;
  std::size_t room = bytes;
  while (place == out && !state.at_end) {
    // What the library holds back comes out without further input: it is asked before the object.
    if (state.in_member) {
      const std::size_t offered = state.input.size();
      const Step step = state.inflater.step(state.input, place, room);
      if (step == Step::member_ends) {
        state.in_member = false;
        continue;
      }
      const bool stuck = place == out && state.input.size() == offered && offered > 0;
      if (step == Step::damaged || stuck) {
        damage_ = "is damaged";
        state.at_end = true;
        break;
      }
      if (place != out || !state.input.empty()) continue;
    }
    if (!state.input.empty() && !state.in_member) {
      state.inflater.begin();
      state.in_member = true;
      continue;
    }
    const std::size_t got = state.fill();
    compressed_bytes_ += got;
    if (got == 0) {
      state.at_end = true;
      if (state.in_member || compressed_bytes_ == 0) damage_ = "is cut off";
    }
  }
  return static_cast<std::size_t>(place - out);
}

}  // namespace eventcollect::objects
