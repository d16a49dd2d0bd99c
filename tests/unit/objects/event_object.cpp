#include "objects/event_object.hpp"

#include <doctest/doctest.h>

#include "support/events.hpp"
#include "support/objects.hpp"

namespace eventcollect::test {

using objects::EventObject;

namespace {

EventObject object_of(const std::string& data, std::size_t piece_bytes = 1'000) {
  return EventObject{std::make_unique<BytesReader>(data, piece_bytes)};
}

// All of it, read `max_events` at a time.
Delivery read_whole(EventObject& object, std::size_t max_events = 10'000,
                    std::size_t max_bytes = 1 << 20) {
  Delivery all;
  Delivery some;
  while (object.read(some, max_events, max_bytes)) {
    CHECK(some.size() <= max_events);
    all.batch.append(some.batch);
    for (auto& one : some.rejections) all.rejections.push_back(std::move(one));
    some.clear();
  }
  CHECK_FALSE(object.read(some));
  CHECK(some.empty());
  return all;
}

}  // namespace

TEST_CASE("an object gives its events in order, however few at a time") {
  const Batch events = numbered_batch("event", 500);
  const std::string data = gzipped(events.ndjson());
  for (const std::size_t at_once : {1U, 7U, 499U, 500U, 10'000U}) {
    EventObject object = object_of(data);
    const Delivery all = read_whole(object, at_once);
    CHECK((all.batch.ndjson() == events.ndjson()));
    CHECK(all.rejections.empty());
    CHECK(object.damage().empty());
    CHECK(object.compressed_bytes() == data.size());
  }
}

TEST_CASE("an object is read no further than the bound in bytes") {
  const Batch events = numbered_batch("event", 100);
  EventObject object = object_of(gzipped(events.ndjson()));
  Delivery some;
  REQUIRE(object.read(some, 100, 1));
  CHECK(some.size() == 1);
}

TEST_CASE("lines of an object that are no events are unreadable, empty ones are nothing") {
  const std::string good{numbered_batch("good", 2).ndjson()};
  EventObject object = object_of(gzipped("rubbish\n" + good + "\n\n{\"event\":1}\n{}"));
  const Delivery all = read_whole(object);
  CHECK((all.batch.ndjson() == good));
  REQUIRE(all.rejections.size() == 3);
  CHECK(all.rejections[0].raw == "rubbish");
  CHECK(all.rejections[0].code == "json.malformed");
  CHECK(all.rejections[2].raw == "{}");
  CHECK(object.damage().empty());
}

TEST_CASE("the last line of an object needs no line feed, unless the object is cut off") {
  const Batch events = numbered_batch("event", 3);
  std::string text{events.ndjson()};
  text.pop_back();
  EventObject whole = object_of(gzipped(text));
  CHECK((read_whole(whole).batch.ndjson() == events.ndjson()));

  for (const std::size_t missing : {1U, 8U, 9U, 30U}) {
    const std::string data = gzipped(text);
    EventObject cut = object_of(data.substr(0, data.size() - missing));
    const Delivery all = read_whole(cut);
    CHECK(cut.damage() == "is cut off");
    CHECK(all.rejections.empty());
    CHECK(all.batch.size() <= 2);
    CHECK((events.ndjson().starts_with(all.batch.ndjson())));
  }
}

TEST_CASE("a line that no event is as long as is rejected, and what follows is read") {
  const std::string good{numbered_batch("good", 1).ndjson()};
  std::string too_long(max_stored_bytes + 100'000, 'x');
  EventObject object = object_of(gzipped(good + too_long + "\n" + good), 1 << 20);
  const Delivery all = read_whole(object);
  CHECK(all.batch.size() == 2);
  CHECK(all.rejections.size() == 1);
}

}  // namespace eventcollect::test
