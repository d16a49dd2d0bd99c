#include "collect/receipts.hpp"

#include <doctest/doctest.h>

namespace eventcollect::test {

using collect::add_rejections;
using collect::receipt_of;

namespace {

std::vector<Rejection> rejections_at(const std::vector<std::size_t>& indexes,
                                     std::string_view code) {
  std::vector<Rejection> rejections;
  for (const std::size_t index : indexes) rejections.push_back({.index = index, .code = code});
  return rejections;
}

std::vector<std::size_t> indexes_of(const Receipt& receipt) {
  std::vector<std::size_t> indexes;
  for (const Rejection& rejection : receipt.rejections) indexes.push_back(rejection.index);
  return indexes;
}

// The receipt of a request of which the rules rejected the events `by_rules` and accepted
// `accepted`, of which the sink rejected `by_sink`.
Receipt receipt_of_both(const std::vector<std::size_t>& by_rules, std::size_t accepted,
                        const std::vector<std::size_t>& by_sink) {
  Receipt receipt = receipt_of(rejections_at(by_rules, code::event_type), accepted);
  add_rejections(receipt, rejections_at(by_sink, code::sink_rejected), by_rules);
  return receipt;
}

using Indexes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("what the sink rejected is listed by its place in the request") {
  CHECK(indexes_of(receipt_of_both({}, 3, {0, 2})) == Indexes{0, 2});
  CHECK(indexes_of(receipt_of_both({0}, 3, {0})) == Indexes{0, 1});
  CHECK(indexes_of(receipt_of_both({0, 1, 4}, 3, {0, 1, 2})) == Indexes{0, 1, 2, 3, 4, 5});
  CHECK(indexes_of(receipt_of_both({1, 3}, 4, {1, 3})) == Indexes{1, 2, 3, 5});
  CHECK(indexes_of(receipt_of_both({5}, 5, {4})) == Indexes{4, 5});
}

TEST_CASE("a receipt counts all rejections and lists the first hundred of the request") {
  Indexes by_rules;
  Indexes by_sink;
  for (std::size_t i = 0; i < 150; ++i) {
    by_rules.push_back(2 * i);  // every second event of the request
    by_sink.push_back(i);       // and all others
  }
  const Receipt receipt = receipt_of_both(by_rules, 150, by_sink);
  CHECK(receipt.accepted == 0);
  CHECK(receipt.rejected == 300);
  REQUIRE(receipt.rejections.size() == Receipt::max_listed);
  for (std::size_t i = 0; i < Receipt::max_listed; ++i) {
    CHECK(receipt.rejections[i].index == i);
    CHECK(receipt.rejections[i].code == (i % 2 == 0 ? code::event_type : code::sink_rejected));
  }
}

}  // namespace eventcollect::test
