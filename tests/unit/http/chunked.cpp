#include "http/chunked.hpp"

#include <doctest/doctest.h>

#include <string>

namespace eventcollect::http {
namespace {

using Result = ChunkedReader::Result;

struct Read {
  Result result = Result::incomplete;
  std::string content;
  std::string rest;  // of the input
};

// Reads `input` in pieces of so many bytes.
Read read(std::string_view input, std::size_t piece_bytes) {
  ChunkedReader reader;
  Read read;
  while (!input.empty() && read.result == Result::incomplete) {
    std::string_view piece = input.substr(0, piece_bytes);
    const std::size_t offered = piece.size();
    read.result = reader.read(piece, [&](std::string_view part) { read.content += part; });
    input.remove_prefix(offered - piece.size());
  }
  read.rest = input;
  return read;
}

TEST_CASE("chunks are put together, however they are cut, and what follows them stays") {
  const std::string input =
      "5\r\nhello\r\n1;a=b\r\n,\r\n00A\r\n0123456789\r\n0\r\nX: y\r\n\r\nnext";
  for (std::size_t piece = 1; piece <= input.size(); ++piece) {
    CAPTURE(piece);
    const Read whole = read(input, piece);
    CHECK(whole.result == Result::complete);
    CHECK(whole.content == "hello,0123456789");
    CHECK(whole.rest == "next");
  }
}

TEST_CASE("a body is incomplete until the empty line after the last chunk") {
  const std::string input = "1\r\na\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t bytes = 0; bytes < input.size(); ++bytes) {
    CHECK(read(input.substr(0, bytes), 1'000).result == Result::incomplete);
  }
  CHECK(read(input, 1'000).result == Result::complete);
}

TEST_CASE("a body may be empty") {
  const Read empty = read("0\r\n\r\n", 1);
  CHECK(empty.result == Result::complete);
  CHECK(empty.content.empty());
}

TEST_CASE("sizes are hexadecimal in both cases, and their leading zeros count for nothing") {
  CHECK(read("a\r\n0123456789\r\n0\r\n\r\n", 3).content == "0123456789");
  CHECK(read("0000A\r\n0123456789\r\n0\r\n\r\n", 3).content == "0123456789");
}

TEST_CASE("malformed chunks are found as soon as they are seen") {
  const std::string malformed[] = {
      "x",                      // not a size
      "\r\n",                   // an empty size
      ";a=b\r\n",               // an extension without a size
      "-1\r\n",                 // signs, blanks and prefixes
      "+1\r\n",                 //
      " 1\r\n",                 //
      "1 \r\n",                 //
      "0x1\r\n",                //
      "1\n",                    // lines that do not end in CRLF
      "1\rX",                   //
      "1;a\n",                  //
      "1\r\na\n",               //
      "1\r\nab",                // more content than the size says
      "FFFFFFFFFFFFFFFFF\r\n",  // a size beyond 64 bits
  };
  for (const std::string& input : malformed) {
    CAPTURE(input);
    CHECK(read(input, 1).result == Result::malformed);
    CHECK(read(input, input.size()).result == Result::malformed);
  }
}

TEST_CASE("a size near the limit of 64 bits is a size") {
  CHECK(read("1000000000000000\r\nX\r\n", 1).content == "X\r\n");
}

TEST_CASE("what is no content has a bound") {
  const std::string zeros(2'000, '0');
  CHECK(read(zeros, 100).result == Result::malformed);
  CHECK(read("1;" + zeros, 100).result == Result::malformed);
  std::string trailers;
  while (trailers.size() < 10'000) trailers += "Name: value\r\n";
  CHECK(read("0\r\n" + trailers, 100).result == Result::malformed);
  CHECK(read("0\r\n" + trailers.substr(0, 5'200) + "\r\n", 100).result == Result::complete);
}

}  // namespace
}  // namespace eventcollect::http
