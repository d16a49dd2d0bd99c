#include "live/text_ring.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <deque>
#include <random>

#include "support/seed.hpp"

namespace eventcollect::test {
namespace {

using live::TextRing;

std::vector<std::string> texts_of(const TextRing& ring) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < ring.kept(); ++i) texts.emplace_back(ring.newest(i).text);
  return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a ring keeps the newest texts, up to their number") {
  TextRing ring{3, 100};
  CHECK(texts_of(ring).empty());
  for (const char* text : {"a", "b", "c", "d"}) ring.add(text);
  CHECK(texts_of(ring) == Texts{"d", "c", "b"});
  CHECK(ring.newest(0).number == 4);
  CHECK(ring.newest(2).number == 2);
  CHECK(ring.added() == 4);
}

TEST_CASE("a ring keeps the newest texts, up to their bytes") {
  TextRing ring{10, 10};
  for (const char* text : {"aaaa", "bbbb", "cccc"}) ring.add(text);
  CHECK(texts_of(ring) == Texts{"cccc", "bbbb"});
  ring.add("dddddddddd");
  CHECK(texts_of(ring) == Texts{"dddddddddd"});
}

TEST_CASE("texts that are passed over or too large are counted, and others stay") {
  TextRing ring{10, 10};
  ring.add("a");
  ring.pass_over(5);
  ring.add("larger than ten bytes");
  ring.add("b");
  CHECK(texts_of(ring) == Texts{"b", "a"});
  CHECK(ring.newest(0).number == 8);
  CHECK(ring.newest(1).number == 1);
}

TEST_CASE("whatever is added, the newest texts are there as they came") {
  std::mt19937_64 random{seed()};
  constexpr std::size_t max_bytes = 64;
  TextRing ring{8, max_bytes};
  std::deque<std::string> all;
  for (int i = 0; i < 10'000; ++i) {
    all.push_front(fmt::format("{:0>{}}", i, 5 + random() % (max_bytes - 4)));
    if (all.size() > 8) all.pop_back();
    ring.add(all.front());
    REQUIRE(ring.kept() >= 1);
    for (std::size_t place = 0; place < ring.kept(); ++place) {
      REQUIRE(ring.newest(place).text == all[place]);
    }
  }
}

}  // namespace eventcollect::test
