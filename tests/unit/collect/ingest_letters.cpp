#include "collect/ingest_letters.hpp"

#include <doctest/doctest.h>

#include "eventcollect/memory.hpp"
#include "support/allocations.hpp"
#include "support/events.hpp"
#include "support/gate_sink.hpp"
#include "support/json.hpp"

namespace eventcollect::test {

using collect::Committer;
using collect::IngestLetters;
using collect::LetterRate;

namespace {

using namespace std::chrono_literals;

Committer::Options unhurried() {
  return {.queue = {4 << 20, 8 << 20},
          .health = {1h, 1h},
          .events = {},
          .on_failure = {},
          .on_recovery = {}};
}

Rejection rejection_of(std::string raw) {
  return {.code = code::json_malformed, .raw = std::move(raw)};
}

// How many of `count` letters of `raw` are not over the rate at `now`.
std::uint64_t kept_of(IngestLetters& letters, TimePoint now, std::size_t count,
                      const std::string& raw) {
  const std::uint64_t before = letters.over_rate();
  const std::vector<Rejection> rejections(count, rejection_of(raw));
  letters.add(now, rejections);
  return count - (letters.over_rate() - before);
}

}  // namespace

TEST_CASE("the bytes of a minute may come at once, and come back over the next minute") {
  LetterRate rate{6'000};
  CHECK(rate.take(some_time, 5'999));
  CHECK_FALSE(rate.take(some_time, 2));
  CHECK(rate.take(some_time, 1));
  CHECK_FALSE(rate.take(some_time + 9ms, 1));
  CHECK(rate.take(some_time + 11ms, 1));
  CHECK_FALSE(rate.take(some_time + 10s, 1'001));
  CHECK(rate.take(some_time + 10s, 998));
  CHECK_FALSE(rate.take(some_time + 24h, 6'001));
  CHECK(rate.take(some_time + 24h, 6'000));
}

TEST_CASE("many looks at the clock give no less than one") {
  LetterRate rate{10};
  CHECK(rate.take(some_time, 10));
  for (auto passed = 1ms; passed < 1min; ++passed) CHECK_FALSE(rate.take(some_time + passed, 11));
  CHECK(rate.take(some_time + 1min, 9));
}

TEST_CASE("threads whose times are a little out of order get no more") {
  LetterRate rate{6'000};
  CHECK(rate.take(some_time, 6'000));
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(rate.take(some_time + 9ms, 1));
    CHECK_FALSE(rate.take(some_time, 1));
  }
}

TEST_CASE("a clock that is set back gives nothing") {
  LetterRate rate{6'000};
  CHECK(rate.take(some_time, 6'000));
  CHECK_FALSE(rate.take(some_time - 1h, 1));
  CHECK_FALSE(rate.take(some_time - 1h + 9ms, 1));
  CHECK(rate.take(some_time - 1h + 30s, 2'900));
}

TEST_CASE("what was charged is waited for") {
  LetterRate rate{6'000};
  CHECK(rate.take(some_time, 0));
  rate.charge(12'000);
  CHECK_FALSE(rate.take(some_time, 1));
  CHECK_FALSE(rate.take(some_time + 1min, 1));
  CHECK(rate.take(some_time + 61s, 99));
}

TEST_CASE("letters over the rate are only counted") {
  const auto kept = std::make_shared<MemorySink>();
  IngestLetters letters{kept, 10'000, unhurried()};
  const std::uint64_t first = kept_of(letters, some_time, 1'000, std::string(244, 'x'));
  CHECK(first == 20);
  CHECK(kept_of(letters, some_time, 1'000, "") == 0);
  CHECK(kept_of(letters, some_time + 30s, 1'000, std::string(244, 'x')) == 10);
  letters.close(10s);
  CHECK(letters.over_rate() == 2'970);
  CHECK(kept->lines().size() == 30);
  CHECK(letters.statistics().events_stored == 30);
}

TEST_CASE("a letter is made by the thread that writes it") {
  const auto gate = std::make_shared<GateSink>();
  const std::string raw(60'000, '\x01');
  // Of the rate, a letter takes six times as much from when the thread has begun with it.
  IngestLetters letters{gate, 10 << 20, unhurried()};
  for (int i = 0; i < 10; ++i) kept_of(letters, some_time, 1, raw);
  gate->wait_for_writes(1);
  // As it came, it takes its own size; escaped it takes six times as much.
  CHECK(letters.statistics().queued_bytes < 10 * (raw.size() + 1'000));
  CHECK(letters.statistics().queued_bytes >= 10 * raw.size());
  gate->let_all();
  letters.close(10s);
}

TEST_CASE("what escapes add to a letter counts into the rate") {
  const auto gate = std::make_shared<GateSink>();
  const std::string raw(10'000, '\x01');
  IngestLetters letters{gate, 100'000, unhurried()};
  CHECK(kept_of(letters, some_time, 1, raw) == 1);
  gate->wait_for_writes(1);
  CHECK(kept_of(letters, some_time, 1, std::string(50'000, 'x')) == 0);
  CHECK(kept_of(letters, some_time + 30s, 1, std::string(50'000, 'x')) == 1);
  gate->let_all();
  letters.close(10s);
}

TEST_CASE("a letter holds all that is known") {
  const auto kept = std::make_shared<MemorySink>();
  IngestLetters letters{kept, 1 << 20, unhurried()};
  const Rejection rejection{.event_id = Uuid::parse("0193f2a4-7b3c-7d11-8a5e-0123456789ab"),
                            .code = code::event_too_large,
                            .pointer = "/a\"",
                            .message = "too large",
                            .raw = "{\n\"",
                            .raw_bytes = 70'000};
  letters.add(some_time, {&rejection, 1});
  letters.close(10s);
  REQUIRE(kept->lines().size() == 1);
  const Json letter{kept->lines()[0]};
  CHECK(letter.text("/origin") == "ingest");
  CHECK(letter.number("/server_time") == to_milliseconds(some_time));
  CHECK(letter.text("/code") == "event.too_large");
  CHECK(letter.text("/pointer") == "/a\"");
  CHECK(letter.text("/message") == "too large");
  CHECK(letter.text("/event_id") == "0193f2a4-7b3c-7d11-8a5e-0123456789ab");
  CHECK(letter.text("/raw") == "{\n\"");
  CHECK(letter.number("/raw_bytes") == 70'000);
}

TEST_CASE("a letter that its sink rejects is counted, and costs no other") {
  const auto gate = std::make_shared<GateSink>();
  gate->let_all([](const Batch& batch, Rejections& rejections) {
    for (const Event& event : batch) {
      if (event.line.find("wrong") != std::string_view::npos) rejections.add(event, "no");
    }
  });
  IngestLetters letters{gate, 1 << 20, unhurried()};
  const Rejection rejections[] = {rejection_of("a"), rejection_of("wrong"), rejection_of("c")};
  letters.add(some_time, rejections);
  letters.close(10s);
  CHECK(letters.statistics().events_stored == 2);
  CHECK(letters.statistics().events_rejected == 1);
}

TEST_CASE("where memory is short each letter is counted once") {
  const std::vector<Rejection> rejections(10, rejection_of(std::string(1'000, 'x')));
  for (const std::size_t max_queue_bytes : {std::size_t{4} << 20, std::size_t{1}}) {
    CAPTURE(max_queue_bytes);
    for (std::size_t left = 0;; ++left) {
      CAPTURE(left);
      const auto sink = std::make_shared<MemorySink>();
      Committer::Options options = unhurried();
      options.queue.max_bytes = max_queue_bytes;
      IngestLetters letters{sink, 7'000, std::move(options)};
      failed_allocations = 0;
      starve(left, SIZE_MAX);
      letters.add(some_time, rejections);
      starve(SIZE_MAX, SIZE_MAX);
      letters.close(1h);
      const std::uint64_t stored = letters.statistics().events_stored;
      CHECK(stored + letters.statistics().events_lost + letters.over_rate() == 10);
      if (failed_allocations == 0) break;
    }
  }
}

}  // namespace eventcollect::test
