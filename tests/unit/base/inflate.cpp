#include "base/inflate.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <limits>

using namespace eventcollect;
using base::inflate_gzip;
using base::Inflated;

namespace {

constexpr int gzip_window = 15 + 16;
constexpr int zlib_window = 15;
constexpr int raw_window = -15;

std::string deflated(std::string_view text, int window = gzip_window) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string mixed(std::size_t bytes) {
  std::string text;
  for (unsigned state = 1; text.size() < bytes; state = state * 1'664'525 + 1'013'904'223) {
    text.push_back(static_cast<char>(state >> 24));
  }
  return text;
}

}  // namespace

TEST_CASE("gzip data inflates to what it was") {
  for (const std::size_t bytes : {0U, 1U, 16'383U, 16'384U, 16'385U, 1'000'000U}) {
    for (const std::string& text : {std::string(bytes, 'x'), mixed(bytes)}) {
      std::string out = "what was there before";
      CHECK(inflate_gzip(deflated(text), 1 << 20, out) == Inflated::whole);
      CHECK(out == text);
    }
  }
}

TEST_CASE("several gzip members are one text") {
  std::string out;
  CHECK(inflate_gzip(deflated("a") + deflated("") + deflated("bc"), 10, out) == Inflated::whole);
  CHECK(out == "abc");
}

TEST_CASE("inflating stops at the bound") {
  for (const std::size_t bound : {1U, 100U, 16'383U, 16'384U, 16'385U, 40'000U}) {
    CAPTURE(bound);
    std::string out;
    CHECK(inflate_gzip(deflated(std::string(bound, 'x')), bound, out) == Inflated::whole);
    CHECK(out.size() == bound);
    CHECK(inflate_gzip(deflated(std::string(bound + 1, 'x')), bound, out) == Inflated::too_large);
    CHECK(out.size() <= bound);
    const std::string halves = deflated(std::string(bound, 'x')) + deflated("x");
    CHECK(inflate_gzip(halves, bound, out) == Inflated::too_large);
    CHECK(out.size() <= bound);
  }
  std::string out;
  CHECK(inflate_gzip(deflated(""), 0, out) == Inflated::whole);
  CHECK(inflate_gzip(deflated("x"), 0, out) == Inflated::too_large);
}

TEST_CASE("a bomb takes no more memory than the bound") {
  const std::string bomb = deflated(std::string(64 << 20, '\0'));
  std::string out;
  CHECK(inflate_gzip(bomb, 1 << 20, out) == Inflated::too_large);
  CHECK(out.capacity() <= 3 << 20);
}

TEST_CASE("without a bound there is none") {
  std::string out;
  CHECK(inflate_gzip(deflated("x"), std::numeric_limits<std::size_t>::max(), out) ==
        Inflated::whole);
  CHECK(out == "x");
}

TEST_CASE("gzip data cut short anywhere is damaged") {
  const std::string data = deflated("some text that is long enough to be cut anywhere");
  for (std::size_t bytes = 0; bytes < data.size(); ++bytes) {
    std::string out;
    CHECK(inflate_gzip(data.substr(0, bytes), 1000, out) == Inflated::damaged);
  }
}

TEST_CASE("what is no gzip data is damaged") {
  const std::string good = deflated("text");
  std::string wrong_sum = good;
  wrong_sum[wrong_sum.size() - 5] ^= 1;
  std::string wrong_length = good;
  wrong_length.back() ^= 1;
  for (const std::string& data :
       {std::string{}, std::string{"text"}, deflated("text", zlib_window),
        deflated("text", raw_window), good + "x", good + std::string(8, '\0'),
        good + good.substr(0, 5), wrong_sum, wrong_length}) {
    std::string out;
    CHECK(inflate_gzip(data, 1000, out) == Inflated::damaged);
  }
}
