#include "eventcollect/batch.hpp"

#include <doctest/doctest.h>

#include "support/parsing.hpp"

using namespace eventcollect;

namespace {

// One event with everything, one with escapes (whose text is not in the line), one with nothing.
Batch sample() {
  test::Parsed parsed = test::parse(
      R"([{"event":"full","url":"https://a.example/","properties":{"a" : 1},"client_time":1,)"
      R"("sent_time":2},{"event":"\u0061\/b","url":"\u00e4"},{"event":"bare"}])",
      {}, BodyFormat::json, R"({"ip":"192.0.2.0"})");
  REQUIRE(parsed.batch.size() == 3);
  return std::move(parsed.batch);
}

std::string joined_lines(const Batch& batch) {
  std::string text;
  for (const Event& event : batch) text.append(event.line) += '\n';
  return text;
}

void check_same(const Event& one, const Event& other) {
  CHECK(one.id == other.id);
  CHECK(one.name == other.name);
  CHECK(one.url == other.url);
  CHECK(one.properties == other.properties);
  CHECK(one.server_time == other.server_time);
  CHECK(one.event_time == other.event_time);
  CHECK(one.client_time == other.client_time);
  CHECK(one.sent_time == other.sent_time);
  CHECK(one.context == other.context);
  CHECK(one.violations == other.violations);
  CHECK(one.line == other.line);
}

bool lies_in(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

}  // namespace

TEST_CASE("a new batch is empty") {
  const Batch batch;
  CHECK(batch.empty());
  CHECK(batch.size() == 0);
  CHECK(batch.bytes() == 0);
  CHECK(batch.ndjson().empty());
  CHECK(batch.empty());
  CHECK(batch.begin() == batch.end());
}

TEST_CASE("a batch holds its events one by one and as one text") {
  const Batch batch = sample();
  CHECK_FALSE(batch.empty());
  CHECK(batch.bytes() == batch.ndjson().size());
  CHECK(batch.ndjson() == joined_lines(batch));
  const Batch& events = batch;
  REQUIRE(events.size() == 3);
  for (std::size_t i = 0; i < events.size(); ++i) CHECK(events[i].index == i);
  CHECK(events[0].name == "full");
  CHECK(events[0].properties == R"({"a":1})");
  CHECK(events[1].name == "a/b");
  CHECK(events[1].url == "ä");
  CHECK(events[2].name == "bare");
  CHECK_FALSE(events[2].url.has_value());
}

TEST_CASE("an appended event is a copy") {
  Event event;
  event.index = 77;
  std::string line = R"({"event":"a"})";
  std::string name = "a name of its own, too long for a small string";
  std::string violations = R"([{"keyword":"type"}])";
  event.id = *Uuid::parse(test::some_id);
  event.line = line;
  event.name = name;
  event.url = "";
  event.properties = "{}";
  event.violations = violations;
  event.server_time = from_milliseconds(1);
  event.event_time = from_milliseconds(2);
  Batch batch;
  batch.append(event);
  line.assign(line.size(), '!');
  name.assign(name.size(), '!');
  violations.assign(violations.size(), '!');

  const Event& stored = batch[0];
  CHECK(stored.index == 0);
  CHECK(stored.line == R"({"event":"a"})");
  CHECK(stored.name == "a name of its own, too long for a small string");
  CHECK(stored.url == "");
  CHECK(stored.properties == "{}");
  CHECK(stored.violations == R"([{"keyword":"type"}])");
  CHECK(stored.context.empty());
  CHECK(stored.id == event.id);
  CHECK(stored.server_time == from_milliseconds(1));
  CHECK(stored.event_time == from_milliseconds(2));
  CHECK(batch.ndjson() == "{\"event\":\"a\"}\n");
}

TEST_CASE("appending each event of a batch copies the batch") {
  const Batch batch = sample();
  Batch copy = sample();
  for (const Event& event : batch) copy.append(event);
  REQUIRE(copy.size() == 6);
  for (std::size_t i = 0; i < 3; ++i) check_same(copy[i + 3], batch[i]);
}

TEST_CASE("any run of another batch can be appended") {
  // Neighbours whose texts beside the line differ, so that none can pass for another's.
  Batch source = sample();
  source.append(test::parse(R"({"event":"\u0063\/d","url":"\u00f6\u00fc"})").batch);
  source.append(sample());
  const Batch others = std::move(test::parse(R"([{"event":"\u0065\/f\/g"},{"event":"h"}])").batch);
  for (std::size_t first = 0; first <= source.size(); ++first) {
    for (std::size_t count = 0; first + count <= source.size(); ++count) {
      for (const bool onto_others : {false, true}) {
        Batch batch;
        if (onto_others) batch = others;
        const std::size_t before = batch.size();
        batch.append(source, first, count);
        REQUIRE(batch.size() == before + count);
        CHECK(batch.ndjson() == joined_lines(batch));
        for (std::size_t i = 0; i < count; ++i) {
          CHECK(batch[before + i].index == before + i);
          check_same(batch[before + i], source[first + i]);
        }
      }
    }
  }
}

TEST_CASE("the events of a copied or moved batch are its own") {
  Batch batch = sample();
  const Batch copy = batch;
  for (const Event& event : copy) CHECK(lies_in(event.line, copy.ndjson()));
  const Batch moved = std::move(batch);
  REQUIRE(moved.size() == 3);
  for (const Event& event : moved) {
    CHECK(lies_in(event.line, moved.ndjson()));
    check_same(event, copy[event.index]);
  }
}

TEST_CASE("a batch is a range that can be read from any place") {
  const Batch batch = sample();
  static_assert(std::random_access_iterator<Batch::Iterator>);
  CHECK(batch.end() - batch.begin() == 3);
  CHECK(batch.begin()[2].index == 2);
  CHECK((*(batch.end() - 1)).id == batch.back().id);
  CHECK(batch.front().id == batch[0].id);
  std::vector<std::string_view> names;
  for (auto it = batch.end(); it != batch.begin();) names.push_back((*--it).name);
  CHECK(names.size() == 3);
  CHECK(names.back() == batch.front().name);
  CHECK(batch.begin() < batch.end());
}

TEST_CASE("a cleared batch is as good as new") {
  for (const std::size_t keep_bytes : {std::size_t{0}, std::size_t{1} << 20}) {
    Batch batch = sample();
    batch.clear(keep_bytes);
    CHECK(batch.empty());
    CHECK(batch.bytes() == 0);
    CHECK(batch.ndjson().empty());
    CHECK(batch.empty());
    batch.append(sample());
    CHECK(batch.ndjson() == joined_lines(batch));
    CHECK(batch[1].name == "a/b");
  }
}

TEST_CASE("the bytes of a batch are those of its lines with their line feeds") {
  Batch batch;
  std::size_t expected = 0;
  for (int i = 0; i < 3; ++i) {
    batch.append(sample());
    for (auto it = batch.end() - 3; it != batch.end(); ++it) expected += (*it).line.size() + 1;
    CHECK(batch.bytes() == expected);
  }
}
