#include <doctest/doctest.h>

#include <random>

#include "base/inflate.hpp"
#include "objects/gzip_reader.hpp"
#include "objects/gzip_writer.hpp"
#include "support/objects.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {

using base::inflate_gzip;
using base::Inflated;
using objects::GzipReader;
using objects::GzipWriter;

namespace {

struct Read {
  std::string text;
  std::string damage;
};

Read read_gzip(const std::string& data, std::size_t input_piece, std::size_t output_piece) {
  GzipReader reader{std::make_unique<BytesReader>(data, input_piece)};
  Read result;
  std::string buffer(output_piece, '\0');
  while (const std::size_t count = reader.read(buffer.data(), buffer.size())) {
    result.text.append(buffer, 0, count);
  }
  result.damage = reader.damage();
  CHECK(reader.read(buffer.data(), buffer.size()) == 0);  // and stays at its end
  return result;
}

std::string random_text(std::mt19937_64& random, std::size_t bytes) {
  std::string text;
  const bool repeats = random() % 2 == 0;
  while (text.size() < bytes) {
    text.push_back(repeats ? "abcd"[random() % 4] : static_cast<char>(random()));
  }
  return text;
}

}  // namespace

TEST_CASE("what is gzipped for an object is gzip, and reads back in pieces of any size") {
  std::mt19937_64 random{seed()};
  for (const std::size_t bytes : {0U, 1U, 100U, 65'535U, 65'536U, 300'000U, 3'000'000U}) {
    CAPTURE(bytes);
    const std::string text = random_text(random, bytes);
    const std::string data = gzipped(text);
    std::string inflated;
    CHECK(inflate_gzip(data, bytes, inflated) == Inflated::whole);
    CHECK((inflated == text));
    for (const std::size_t input : {1'000'000U, 7U}) {
      for (const std::size_t output : {1'000'000U, 1'000U, 13U}) {
        const Read read = read_gzip(data, input, output);
        CHECK((read.text == text));
        CHECK(read.damage.empty());
      }
    }
  }
}

TEST_CASE("a gzip writer begins a new member after each it has finished") {
  GzipWriter writer;
  std::string data;
  for (const char* text : {"one", "", "three"}) {
    writer.write(text, data);
    writer.finish(data);
  }
  for (const std::size_t piece : {1U, 3U, 1000U}) {
    const Read read = read_gzip(data, piece, 5);
    CHECK(read.text == "onethree");
    CHECK(read.damage.empty());
  }
}

TEST_CASE("members that end wherever a piece of the input or of the output does are all read") {
  std::mt19937_64 random{seed()};
  for (int round = 0; round < 300; ++round) {
    std::string data;
    std::string text;
    for (int member = 0; member < 5; ++member) {
      const std::string one = random_text(random, random() % 40);
      text += one;
      data += gzipped(one);
    }
    const Read read = read_gzip(data, 1 + random() % 40, 1 + random() % 40);
    CHECK((read.text == text));
    CHECK(read.damage.empty());
  }
}

TEST_CASE("gzip that is cut off says so, and gives what came before") {
  std::mt19937_64 random{seed()};
  const std::string text = random_text(random, 20'000);
  const std::string data = gzipped(text);
  for (std::size_t size = 0; size < data.size();
       size += size < 50 || size + 50 > data.size() ? 1U : 61U) {
    CAPTURE(size);
    const Read read = read_gzip(data.substr(0, size), 1'000, 1'000);
    CHECK((text.starts_with(read.text)));
    CHECK(read.damage == "is cut off");
  }
}

TEST_CASE("gzip that was changed anywhere never reads as whole with another text") {
  std::mt19937_64 random{seed()};
  const std::string text = random_text(random, 5'000);
  const std::string data = gzipped(text);
  for (int i = 0; i < 2'000; ++i) {
    std::string changed = data;
    changed[random() % changed.size()] ^= static_cast<char>(1U << (random() % 8));
    const Read read = read_gzip(changed, 1 + random() % 5'000, 1 + random() % 5'000);
    // A few bits of the header (its time, its system) mean nothing.
    if (read.damage.empty()) CHECK((read.text == text));
  }
}

TEST_CASE("what is no gzip, or has something behind it, is damaged") {
  CHECK_FALSE(read_gzip("{\"event\":\"x\"}\n", 100, 100).damage.empty());
  const Read read = read_gzip(gzipped("text") + "rubbish", 100, 100);
  CHECK(read.text == "text");
  CHECK_FALSE(read.damage.empty());
}

}  // namespace eventcollect::test
