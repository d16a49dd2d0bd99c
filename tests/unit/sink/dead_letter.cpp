#include "eventcollect/dead_letter.hpp"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <functional>

#include "eventcollect/memory.hpp"
#include "support/events.hpp"
#include "support/writing.hpp"

using namespace eventcollect;
using namespace std::string_literals;
using namespace std::string_view_literals;
using test::numbered_batch;
using test::write;

namespace {

constexpr TimePoint now = from_milliseconds(1'763'923'000'123);

// The letter for `raw`, read back by another parser.
struct Letter {
  std::string line;
  simdjson::dom::parser parser;
  simdjson::dom::element root;

  explicit Letter(std::string_view text) : line{text} { root = parser.parse(line); }

  std::string text(const char* member) const {
    std::string_view value;
    REQUIRE(root[member].get(value) == simdjson::SUCCESS);
    return std::string{value};
  }
  bool has(const char* member) const { return root[member].error() == simdjson::SUCCESS; }
};

Letter letter_for(std::string_view raw, Rejection rejection = {.code = "url.type"}) {
  Batch letters;
  rejection.raw = raw;
  append_dead_letter(letters, now, DeadLetterOrigin::ingest, rejection);
  REQUIRE(letters.size() == 1);
  return Letter{letters[0].line};
}

// Does what it is told with each batch, and notes that it was called.
struct ScriptedSink : Sink {
  std::function<void(const Batch&, Rejections&)> on_write = [](const Batch&, Rejections&) {};
  std::function<void()> on_maintain = [] {};
  std::vector<std::string> seen;

  void write(const Batch& batch, Rejections& rejections) override {
    for (const Event& event : batch) seen.emplace_back(event.line);
    on_write(batch, rejections);
  }
  void maintain() override { on_maintain(); }
};

struct Sinks {
  std::shared_ptr<ScriptedSink> inner = std::make_shared<ScriptedSink>();
  std::shared_ptr<ScriptedSink> letters = std::make_shared<ScriptedSink>();
  ManualClock clock{now};
  DeadLetterSink sink{inner, letters, clock};
};

}  // namespace

TEST_CASE("a dead letter is one line with all that is known") {
  const Uuid id = *Uuid::parse("0193f2a4-7b3c-7d11-8a5e-0123456789ab");
  Batch letters;
  append_dead_letter(
      letters, now, DeadLetterOrigin::ingest,
      {3, id, "url.type", "/url", "\"url\" must be a string.", R"({"event":"a","url":1})"});
  append_dead_letter(letters, now, DeadLetterOrigin::pump,
                     {.code = "sink.rejected", .message = "no", .raw = "x"});
  REQUIRE(letters.size() == 2);
  const Batch& events = letters;
  CHECK(events[0].line ==
        R"({"dead_id":")" + events[0].id.to_string() +
            R"(","server_time":1763923000123,"origin":"ingest","code":"url.type","pointer":"/url",)"
            R"("message":"\"url\" must be a string.",)"
            R"("event_id":"0193f2a4-7b3c-7d11-8a5e-0123456789ab",)"
            R"("raw":"{\"event\":\"a\",\"url\":1}"})");
  CHECK(events[1].line ==
        R"({"dead_id":")" + events[1].id.to_string() +
            R"(","server_time":1763923000123,"origin":"pump","code":"sink.rejected","pointer":"",)"
            R"("message":"no","raw":"x"})");
}

TEST_CASE("a dead letter is an event that every sink can store") {
  Batch letters;
  append_dead_letter(letters, now, DeadLetterOrigin::ingest, {.code = "url.type", .raw = "x"});
  const Event& letter = letters[0];
  CHECK(letter.name == "dead_letter");
  CHECK(letter.properties == letter.line);
  CHECK(letter.server_time == now);
  CHECK(letter.event_time == now);
  CHECK_FALSE(letter.id.is_nil());
  CHECK_FALSE(letter.url.has_value());
}

TEST_CASE("two dead letters of the same text have ids of their own") {
  Batch letters;
  const Rejection rejection{.code = "url.type", .raw = "x"};
  append_dead_letter(letters, now, DeadLetterOrigin::ingest, rejection);
  append_dead_letter(letters, now, DeadLetterOrigin::ingest, rejection);
  CHECK(letters[0].id < letters[1].id);
}

TEST_CASE("rejected text is kept as it came") {
  for (const std::string_view raw :
       {""sv, "not JSON"sv, "{\"a\":\"\\ud800 \\u0000\"}"sv, "a\nb\r\tc\x01\x1f\x7f"sv,
        "\"quotes\" and \\backslashes\\"sv, "ä€😀"sv, "\u0085\u2028"sv}) {
    CAPTURE(raw);
    const Letter letter = letter_for(raw);
    CHECK(letter.text("raw") == raw);
    CHECK_FALSE(letter.has("raw_base64"));
    CHECK(letter.line.find('\n') == std::string::npos);
  }
}

TEST_CASE("bytes that are no UTF-8, or hold U+0000, are kept as base64") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"\xff"sv, "/w=="},
      {"\0"sv, "AA=="},
      {"a\0b"sv, "YQBi"},
      {"\xed\xa0\x80"sv, "7aCA"},
      {"\xfb\xff\xbf"sv, "+/+/"},
      {"\xc3"sv, "ww=="},
      {"\xf4\x90\x80\x80"sv, "9JCAgA=="},
  };
  for (const auto& [raw, base64] : cases) {
    const Letter letter = letter_for(raw);
    CHECK(letter.text("raw_base64") == base64);
    CHECK_FALSE(letter.has("raw"));
  }
}

TEST_CASE("a letter that holds only the beginning says so") {
  const Letter letter = letter_for("[1,2", {.code = "json.malformed", .raw_bytes = 1'000});
  CHECK(letter.text("raw") == "[1,2");
  CHECK(bool{letter.root["truncated"]});
  CHECK(std::int64_t{letter.root["raw_bytes"]} == 1'000);
  const Letter whole = letter_for("[1,2]");
  CHECK_FALSE(whole.has("truncated"));
  CHECK_FALSE(whole.has("raw_bytes"));
}

TEST_CASE("white space, quotes and backslashes take two bytes each in a letter") {
  for (const char c : {'\n', '\r', '\t', '"', '\\'}) {
    CAPTURE(c);
    CHECK(letter_for(std::string(1'000, c)).line.size() == letter_for("").line.size() + 2'000);
  }
}

// Section 10. Its vectors are ASCII, so a byte that is not goes in front: three bytes, four
// letters.
TEST_CASE("base64 is that of RFC 4648") {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [text, base64] : vectors) {
    CHECK(letter_for("\xff\xff\xff" + std::string{text}).text("raw_base64") ==
          "////" + std::string{base64});
  }
}

TEST_CASE("a dead letter holds no U+0000 and nothing but UTF-8, whatever the reason says") {
  const Letter letter = letter_for(
      "x",
      {.code = "sink.rejected", .pointer = std::string{"/a\0b", 4}, .message = "ERROR \xff \0 z"s});
  CHECK(letter.text("pointer") == "/a\uFFFDb");
  CHECK(letter.text("message").starts_with("ERROR \uFFFD"));
  CHECK(letter.line.find("\\u0000") == std::string::npos);
}

TEST_CASE("what the inner sink rejects is durable as a letter before write returns") {
  Sinks sinks;
  sinks.inner->on_write = [](const Batch& batch, Rejections& rejections) {
    rejections.add(batch[2], "check constraint");
    rejections.add(batch[0], "out of range");
  };
  const Batch batch = numbered_batch("e", 4);
  const Rejections rejections = write(sinks.sink, batch);

  CHECK(sinks.inner->seen.size() == 4);
  REQUIRE(sinks.letters->seen.size() == 2);
  const Batch& events = batch;
  const std::pair<std::size_t, std::string_view> expected[] = {{2, "check constraint"},
                                                               {0, "out of range"}};
  for (std::size_t i = 0; i < 2; ++i) {
    const Letter letter{sinks.letters->seen[i]};
    const Event& culprit = events[expected[i].first];
    CHECK(letter.text("raw") == culprit.line);
    CHECK(letter.text("event_id") == culprit.id.to_string());
    CHECK(letter.text("message") == expected[i].second);
    CHECK(letter.text("code") == "sink.rejected");
    CHECK(letter.text("origin") == "pump");
    CHECK(std::int64_t{letter.root["server_time"]} == to_milliseconds(now));
  }
  CHECK(rejections.size() == 2);
}

TEST_CASE("without a rejection no letter is written") {
  Sinks sinks;
  write(sinks.sink, numbered_batch("e", 3));
  CHECK(sinks.inner->seen.size() == 3);
  CHECK(sinks.letters->seen.empty());
}

TEST_CASE("letters go to any sink") {
  const auto inner = std::make_shared<ScriptedSink>();
  const auto letters = std::make_shared<MemorySink>();
  inner->on_write = [](const Batch& batch, Rejections& rejections) {
    rejections.add(batch[0], "no");
  };
  DeadLetterSink sink{inner, letters};
  write(sink, numbered_batch("e", 1));
  write(sink, numbered_batch("e", 1));
  CHECK(letters->lines().size() == 2);
}

TEST_CASE("an error of the inner sink is passed on, and no letter is written") {
  Sinks sinks;
  sinks.inner->on_write = [](const Batch& batch, Rejections& rejections) {
    rejections.add(batch[0], "no");
    throw Error{Error::unavailable, "gone"};
  };
  CHECK_THROWS_WITH_AS(write(sinks.sink, numbered_batch("e", 2)), "gone", Error);
  CHECK(sinks.letters->seen.empty());
}

TEST_CASE("letters that cannot be written are an error") {
  Sinks sinks;
  sinks.inner->on_write = [](const Batch& batch, Rejections& rejections) {
    rejections.add(batch[0], "no");
  };
  sinks.letters->on_write = [](const Batch&, Rejections&) {
    throw Error{Error::unavailable, "disk full"};
  };
  CHECK_THROWS_WITH_AS(write(sinks.sink, numbered_batch("e", 1)), "disk full", Error);
}

TEST_CASE("letters that are rejected in their turn are an error") {
  Sinks sinks;
  sinks.inner->on_write = [](const Batch& batch, Rejections& rejections) {
    rejections.add(batch[0], "no");
    rejections.add(batch[1], "no");
  };
  sinks.letters->on_write = [](const Batch& batch, Rejections& rejections) {
    rejections.add(batch[1], "too long");
  };
  CHECK_THROWS_WITH_AS(write(sinks.sink, numbered_batch("e", 2)),
                       "the sink of the dead letters rejected one: too long", Error);
}

TEST_CASE("both sinks are maintained, and either can fail") {
  Sinks sinks;
  int calls = 0;
  sinks.inner->on_maintain = [&] { ++calls; };
  sinks.letters->on_maintain = [&] { ++calls; };
  sinks.sink.maintain();
  CHECK(calls == 2);
  sinks.letters->on_maintain = [] { throw Error{Error::unavailable, "disk full"}; };
  CHECK_THROWS_AS(sinks.sink.maintain(), Error);
}
