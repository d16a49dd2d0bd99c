#include "eventcollect/rejections.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/events.hpp"

using namespace eventcollect;

namespace {

using List = std::vector<std::pair<std::size_t, std::string>>;

List list_of(const Rejections& rejections) {
  List list;
  for (const Rejection& each : rejections) list.emplace_back(each.index, each.message);
  return list;
}

}  // namespace

TEST_CASE("an event keeps its first reason, in the order in which they were added") {
  const Batch batch = test::numbered_batch("e", 3);
  Rejections rejections;
  CHECK(rejections.empty());
  rejections.add(batch[1], "first");
  rejections.add(batch[1], "second");
  rejections.add(batch[0], "other");
  rejections.add(batch[2], "last");
  rejections.add(batch[0], "again");
  CHECK(list_of(rejections) == List{{1, "first"}, {0, "other"}, {2, "last"}});
  CHECK(rejections[0].code == code::sink_rejected);
  CHECK(rejections[0].event_id == batch[1].id);
}

TEST_CASE("it is known which events were rejected") {
  const Batch batch = test::numbered_batch("e", 3);
  Rejections rejections;
  CHECK_FALSE(rejections.contains(batch[2]));
  rejections.add(batch[1], "no");
  CHECK_FALSE(rejections.contains(batch[0]));
  CHECK(rejections.contains(batch[1]));
  CHECK_FALSE(rejections.contains(batch[2]));
}

TEST_CASE("cleared rejections are as good as new") {
  const Batch batch = test::numbered_batch("e", 2);
  Rejections rejections;
  rejections.add(batch[1], "no");
  rejections.clear();
  CHECK(rejections.empty());
  CHECK_FALSE(rejections.contains(batch[1]));
  rejections.add(batch[1], "anew");
  CHECK(list_of(rejections) == List{{1, "anew"}});
}

TEST_CASE("those of another sink are added, and the first reason stays") {
  const Batch batch = test::numbered_batch("e", 3);
  Rejections all;
  all.add(batch[1], "mine");
  Rejections others;
  others.add(batch[2], "theirs");
  others.add(batch[1], "theirs");
  all.add(others);
  CHECK(list_of(all) == List{{1, "mine"}, {2, "theirs"}});
}

TEST_CASE("a reason is copied") {
  const Batch batch = test::numbered_batch("e", 1);
  std::string why = "a reason that is too long for a small string";
  Rejections rejections;
  rejections.add(batch[0], why);
  why.assign(why.size(), '!');
  CHECK(rejections[0].message == "a reason that is too long for a small string");
}
