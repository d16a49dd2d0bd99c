#include "base/inflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <new>

namespace eventcollect::base {
namespace {

constexpr int gzip_only = 15 + 16;  // zlib's inflateInit2: the largest window, a gzip header

}  // namespace

Inflated inflate_gzip(std::string_view data, std::size_t max_bytes, std::string& out) {
  constexpr std::size_t chunk_bytes = 16 << 10;
  out.clear();
  if (data.size() > std::numeric_limits<uInt>::max()) return Inflated::too_large;
  z_stream stream{};
  if (inflateInit2(&stream, gzip_only) != Z_OK) throw std::bad_alloc{};
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner{&stream, inflateEnd};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::size_t inflated = 0;  // of out; the rest is room, kept for the next member too
  char beyond = 0;           // a byte past the bound shows that it is crossed
  for (;;) {
    if (inflated == out.size()) out.resize(inflated + std::min(chunk_bytes, max_bytes - inflated));
    const std::size_t room = out.size() - inflated;
    stream.next_out = reinterpret_cast<Bytef*>(room > 0 ? out.data() + inflated : &beyond);
    stream.avail_out = room > 0 ? static_cast<uInt>(room) : 1;
    const uInt offered = stream.avail_out;
    const int result = inflate(&stream, Z_NO_FLUSH);
    const uInt got = offered - stream.avail_out;
    if (room == 0 && got > 0) return Inflated::too_large;
    inflated += got;
    if (result == Z_STREAM_END && stream.avail_in == 0) {
      out.resize(inflated);
      return Inflated::whole;
    }
    if (result == Z_STREAM_END) {
      inflateReset(&stream);
    } else if (result != Z_OK) {
      return Inflated::damaged;
    }
  }
}

}  // namespace eventcollect::base
