#include "objects/gzip_writer.hpp"

#include <algorithm>
#include <new>

#ifdef EVENTCOLLECT_WITH_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

namespace eventcollect::objects {
namespace {

constexpr std::size_t room_bytes = std::size_t{64} << 10;
constexpr std::size_t max_piece_bytes = std::size_t{1} << 30;  // what both libraries can count

// Makes room at the end of `out` for what `compress(place, bytes)` writes there; it returns how
// much that was.
template <typename Compress>
void append_to(std::string& out, Compress compress) {
  const std::size_t before = out.size();
  out.resize(before + room_bytes);
  out.resize(before + compress(out.data() + before, room_bytes));
}

}  // namespace

#ifdef EVENTCOLLECT_WITH_ISAL

struct GzipWriter::State {
  isal_zstream stream{};
  std::string level_buffer;

  State() : level_buffer(ISAL_DEF_LVL1_DEFAULT, '\0') { begin(); }

  void begin() {
    isal_deflate_init(&stream);
    stream.level = 1;
    stream.level_buf = reinterpret_cast<std::uint8_t*>(level_buffer.data());
    stream.level_buf_size = static_cast<std::uint32_t>(level_buffer.size());
    stream.gzip_flag = IGZIP_GZIP;
    stream.flush = NO_FLUSH;
  }

  void deflate(std::string_view data, bool last, std::string& out) {
    // The library does not write through next_in; it only lacks the const.
    stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<std::uint32_t>(data.size());
    stream.end_of_stream = last ? 1 : 0;
    do {
      append_to(out, [&](char* place, std::size_t bytes) {
        stream.next_out = reinterpret_cast<std::uint8_t*>(place);
        stream.avail_out = static_cast<std::uint32_t>(bytes);
        if (isal_deflate(&stream) != COMP_OK) throw std::bad_alloc{};
        return bytes - stream.avail_out;
      });
    } while (stream.avail_out == 0);
    if (last) begin();
  }
};

#else

struct GzipWriter::State {
  z_stream stream{};

  State() {
    constexpr int gzip_window = 15 + 16;
    constexpr int memory_level = 8;
    if (deflateInit2(&stream, 1, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw std::bad_alloc{};
    }
  }
  ~State() { deflateEnd(&stream); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void deflate(std::string_view data, bool last, std::string& out) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    do {
      append_to(out, [&](char* place, std::size_t bytes) {
        stream.next_out = reinterpret_cast<Bytef*>(place);
        stream.avail_out = static_cast<uInt>(bytes);
        ::deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
        return bytes - stream.avail_out;
      });
    } while (stream.avail_out == 0);
    if (last) deflateReset(&stream);
  }
};

#endif

GzipWriter::GzipWriter() : state_{std::make_unique<State>()} {}
GzipWriter::~GzipWriter() = default;

void GzipWriter::write(std::string_view data, std::string& out) {
  while (!data.empty()) {
    const std::string_view piece = data.substr(0, max_piece_bytes);
    state_->deflate(piece, false, out);
    data.remove_prefix(piece.size());
  }
}

void GzipWriter::finish(std::string& out) { state_->deflate({}, true, out); }

}  // namespace eventcollect::objects
