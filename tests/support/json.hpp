// JSON and gzip for tests, by libraries that the code under test does not use for it.
#pragma once

#include <doctest/doctest.h>
#include <simdjson.h>
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace eventcollect::test {

// A parsed document. Fails the test if it is none.
class Json {
 public:
  explicit Json(std::string_view text) {
    INFO("JSON: ", std::string{text});
    REQUIRE(parser_.parse(simdjson::padded_string{text}).get(root_) == simdjson::SUCCESS);
  }

  bool has(std::string_view pointer) const {
    return root_.at_pointer(pointer).error() == simdjson::SUCCESS;
  }

  std::string text(std::string_view pointer) const {
    std::string_view value;
    INFO("pointer: ", std::string{pointer});
    REQUIRE(root_.at_pointer(pointer).get(value) == simdjson::SUCCESS);
    return std::string{value};
  }

  std::int64_t number(std::string_view pointer) const {
    std::int64_t value = 0;
    INFO("pointer: ", std::string{pointer});
    REQUIRE(root_.at_pointer(pointer).get(value) == simdjson::SUCCESS);
    return value;
  }

  // How many elements the array there has.
  std::size_t size(std::string_view pointer) const {
    simdjson::dom::array array;
    INFO("pointer: ", std::string{pointer});
    REQUIRE(root_.at_pointer(pointer).get(array) == simdjson::SUCCESS);
    return array.size();
  }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::element root_;
};

// One gzip member (RFC 1952) of `repeat` times `text`.
inline std::string gzip(std::string_view text, std::size_t repeat = 1) {
  constexpr int gzip_format = 15 + 16;
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_format, 8, Z_DEFAULT_STRATEGY) ==
          Z_OK);
  std::string out;
  std::string chunk(64 << 10, '\0');
  for (std::size_t i = 0; i < repeat; ++i) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    do {
      stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
      stream.avail_out = static_cast<uInt>(chunk.size());
      deflate(&stream, i + 1 == repeat ? Z_FINISH : Z_NO_FLUSH);
      out.append(chunk, 0, chunk.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }
  deflateEnd(&stream);
  return out;
}

}  // namespace eventcollect::test
