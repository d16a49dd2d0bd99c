#include "core/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <new>

namespace eventcollect {
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
  for (;;) {
    const std::size_t before = out.size();
    // One byte beyond the bound shows that it is crossed.
    const std::size_t room = std::min(chunk_bytes, max_bytes + 1 - before);
    out.resize(before + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (out.size() > max_bytes) return Inflated::too_large;
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) return Inflated::whole;
      inflateReset(&stream);
    } else if (result != Z_OK) {
      return Inflated::damaged;
    }
  }
}

}  // namespace eventcollect
