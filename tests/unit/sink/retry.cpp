#include "eventcollect/retry.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "eventcollect/tee.hpp"
#include "eventcollect/url.hpp"
#include "support/events.hpp"
#include "support/manual_timer.hpp"
#include "support/scripted_sink.hpp"
#include "support/writing.hpp"

using namespace eventcollect;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using test::fail;
using test::numbered_batch;

namespace {

constexpr std::uint64_t largest = UINT64_MAX;
constexpr std::chrono::steady_clock::time_point start{};

struct Told {
  Error::Kind kind;
  std::string message;
  std::uint64_t failures;
  milliseconds wait;
};

struct Bench {
  std::shared_ptr<test::ScriptedSink> inner = std::make_shared<test::ScriptedSink>();
  test::ManualTimer timer;
  std::stop_source stop;
  std::vector<Told> told;
  Batch batch = numbered_batch("e", 3);

  RetrySink sink(const RetryPolicy& policy = {}) {
    const auto note = [this](const Error& error, std::uint64_t failures, milliseconds wait) {
      told.push_back({error.kind(), error.what(), failures, wait});
    };
    return RetrySink{inner, policy, note, stop.get_token(), timer};
  }

  Rejections write(const RetryPolicy& policy = {}) {
    RetrySink retry = sink(policy);
    return test::write(retry, batch);
  }

  // What write() throws; it has to throw.
  Error error_of(RetrySink sink) {
    try {
      test::write(sink, batch);
    } catch (const Error& error) {
      return error;
    }
    FAIL("nothing was thrown");
    return {Error::unavailable, ""};
  }
};

}  // namespace

TEST_CASE("the bound of the waits doubles up to the longest, and begins anew after a success") {
  const RetryPolicy policy{.first_wait = 100ms, .max_wait = 1s};
  std::uint64_t bound = 0;
  Backoff longest{policy, [&] { return bound; }};
  Backoff beyond{policy, [&] { return bound + 1; }};
  for (const int expected : {100, 200, 400, 800, 1'000, 1'000}) {
    bound = static_cast<std::uint64_t>(expected);
    CHECK(longest.next(start) == milliseconds{expected});
    CHECK(beyond.next(start) == 0ms);
  }
  CHECK(longest.failures() == 6);
  longest.reset();
  CHECK(longest.failures() == 0);
  bound = 100;
  CHECK(longest.next(start) == 100ms);
  bound = 101;
  longest.reset();
  CHECK(longest.next(start) == 0ms);
}

TEST_CASE("a wait is anything from nothing to its bound") {
  const RetryPolicy policy{.first_wait = 3ms, .max_wait = 3ms};
  std::uint64_t drawn = 0;
  Backoff backoff{policy, [&] { return drawn++; }};
  for (const milliseconds expected : {0ms, 1ms, 2ms, 3ms, 0ms}) {
    CHECK(backoff.next(start) == expected);
  }
  Backoff extreme{policy, [] { return largest; }};
  CHECK(extreme.next(start) <= 3ms);
}

TEST_CASE("waits stay bounded after however many failures and however long bounds") {
  Backoff many{{.first_wait = 1ms, .max_wait = 7ms}};
  for (int i = 0; i < 1000; ++i) {
    const auto wait = many.next(start);
    REQUIRE(wait);
    CHECK(*wait >= 0ms);
    CHECK(*wait <= 7ms);
  }
  Backoff huge{{.first_wait = milliseconds::max() / 2, .max_wait = milliseconds::max()}};
  for (int i = 0; i < 5; ++i) CHECK(huge.next(start) >= 0ms);
}

TEST_CASE("without a random source of one's own the waits differ") {
  const RetryPolicy policy{.first_wait = 1'000'000s, .max_wait = 1'000'000s};
  CHECK(Backoff{policy}.next(start) != Backoff{policy}.next(start));
}

TEST_CASE("it is time to give up so long after the first failure, and not before a last attempt") {
  const RetryPolicy policy{.first_wait = 1s, .max_wait = 1s, .give_up_after = 1'500ms};
  Backoff backoff{policy, [] { return 1000U; }};
  CHECK(backoff.next(start + 10s) == 1'000ms);
  CHECK(backoff.next(start + 11s) == 500ms);
  CHECK_FALSE(backoff.next(start + 11'500ms));
  backoff.reset();
  CHECK(backoff.next(start + 20s) == 1'000ms);
}

TEST_CASE("a policy that makes no sense is rejected") {
  const RetryPolicy policies[] = {
      {.first_wait = 0ms},
      {.first_wait = -1ms},
      {.first_wait = 2ms, .max_wait = 1ms},
      {.give_up_after = -1ms},
  };
  for (const RetryPolicy& policy : policies) {
    CHECK_THROWS_AS(Backoff{policy}, ConfigError);
    CHECK_THROWS_AS(RetrySink(std::make_shared<test::ScriptedSink>(), policy), ConfigError);
  }
}

TEST_CASE("a write that works is made once, and not a word is said") {
  Bench bench;
  bench.write();
  CHECK(bench.inner->writes == 1);
  CHECK(bench.timer.waits.empty());
  CHECK(bench.told.empty());
}

TEST_CASE("a write that fails is made again until it works, whatever it threw") {
  Bench bench;
  bench.inner->steps = {fail(Error::unavailable, "down"), fail(Error::in_doubt, "lost"),
                        [](const Batch&, Rejections&) { throw std::runtime_error{"bug"}; },
                        [](const Batch&, Rejections&) { throw 7; }};
  bench.write({.first_wait = 10ms, .max_wait = 20ms});
  CHECK(bench.inner->names() == std::vector<std::string>{"e0", "e1", "e2"});
  REQUIRE(bench.told.size() == 4);
  const std::pair<Error::Kind, std::string> expected[] = {
      {Error::unavailable, "down"},
      {Error::in_doubt, "lost"},
      {Error::in_doubt, "the sink threw bug"},
      {Error::in_doubt, "the sink threw something that is not a std::exception"}};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(bench.told[i].kind == expected[i].first);
    CHECK(bench.told[i].message == expected[i].second);
    CHECK(bench.told[i].failures == i + 1);
    CHECK(bench.told[i].wait <= (i == 0 ? 10ms : 20ms));
    CHECK(bench.told[i].wait == bench.timer.waits[i]);
  }
}

TEST_CASE("each write is a series of its own") {
  Bench bench;
  RetrySink sink = bench.sink();
  for (int i = 0; i < 2; ++i) {
    bench.inner->steps = {fail(Error::unavailable)};
    test::write(sink, bench.batch);
    CHECK(bench.told.back().failures == 1);
  }
}

TEST_CASE("what a failed attempt rejected is forgotten") {
  Bench bench;
  bench.inner->steps = {
      [](const Batch& batch, Rejections& rejections) {
        rejections.add(batch[0], "half way");
        throw Error{Error::in_doubt, "lost"};
      },
      [](const Batch& batch, Rejections& rejections) { rejections.add(batch[1], "at last"); }};
  const Rejections rejections = bench.write();
  REQUIRE(rejections.size() == 1);
  CHECK(rejections[0].index == 1);
  CHECK(rejections[0].message == "at last");
}

TEST_CASE("what another sink rejected before stays") {
  Bench bench;
  bench.inner->steps = {fail(Error::unavailable)};
  Rejections rejections;
  rejections.add(bench.batch[2], "before");
  bench.sink().write(bench.batch, rejections);
  REQUIRE(rejections.size() == 1);
  CHECK(rejections[0].message == "before");
}

TEST_CASE("a sink that rejects an event of another batch leaves this one in doubt") {
  Bench bench;
  const Batch other = test::numbered_batch("other", 9);
  for (const std::size_t index : {8U, 0U}) {
    bench.inner->steps = {
        [&](const Batch&, Rejections& rejections) { rejections.add(other[index], "no"); }};
    CHECK(bench.write().empty());
    CHECK(bench.told.back().kind == Error::in_doubt);
    CHECK(bench.told.back().message == "the sink rejected an event that is not of the batch");
  }
}

TEST_CASE("in a tee a branch that retries keeps what the branch before it rejected") {
  Bench bench;
  const auto first = std::make_shared<test::ScriptedSink>();
  first->always = [](const Batch& batch, Rejections& rejections) {
    rejections.add(batch[0], "not here");
  };
  bench.inner->steps = {fail(Error::unavailable)};
  TeeSink tee{{first, std::make_shared<RetrySink>(bench.sink())}};
  CHECK(test::write(tee, bench.batch).size() == 1);
}

TEST_CASE("what is misconfigured is thrown at once, unless somebody may come to mend it") {
  Bench bench;
  bench.inner->steps = {fail(Error::misconfigured, "no such table")};
  const Error error = bench.error_of(bench.sink());
  CHECK(error.kind() == Error::misconfigured);
  CHECK(std::string{error.what()} == "no such table");
  CHECK(bench.told.empty());
  CHECK(bench.timer.waits.empty());

  bench.inner->steps = {fail(Error::misconfigured)};
  bench.write({.retry_misconfigured = true});
  CHECK(bench.told.size() == 1);
}

TEST_CASE("it gives up when its time is over, with the last error") {
  Bench bench;
  int count = 0;
  bench.inner->always = [&](const Batch&, Rejections&) {
    throw Error{Error::unavailable, "down " + std::to_string(++count)};
  };
  const Error error =
      bench.error_of(bench.sink({.first_wait = 1s, .max_wait = 1s, .give_up_after = 1min}));
  CHECK(error.kind() == Error::unavailable);
  CHECK(std::string{error.what()} == "down " + std::to_string(count));
  CHECK(bench.timer.now() == start + 1min);
  CHECK(count == static_cast<int>(bench.told.size()) + 1);
}

TEST_CASE("whoever gives up says that it is in doubt if any attempt was") {
  Bench bench;
  bench.inner->steps = {fail(Error::in_doubt, "lost")};
  bench.inner->steps.push_back(fail(Error::misconfigured, "no such table"));
  const Error error = bench.error_of(bench.sink());
  CHECK(error.kind() == Error::in_doubt);
  CHECK(std::string{error.what()} == "no such table");
}

TEST_CASE("a stop ends the waiting, but not before a first attempt") {
  Bench bench;
  bench.inner->always = fail(Error::unavailable, "down");
  SUBCASE("while it waits") {
    bench.timer.on_wait = [&] { bench.stop.request_stop(); };
    CHECK(bench.error_of(bench.sink()).kind() == Error::unavailable);
    CHECK(bench.timer.waits.size() == 1);
  }
  SUBCASE("while it writes") {
    bench.inner->always = [&](const Batch&, Rejections&) {
      bench.stop.request_stop();
      throw Error{Error::unavailable, "down"};
    };
    bench.error_of(bench.sink());
    CHECK(bench.timer.waits.empty());
    CHECK(bench.told.empty());
  }
  SUBCASE("before it began") {
    bench.stop.request_stop();
    bench.error_of(bench.sink());
    CHECK(bench.timer.waits.empty());
    CHECK(bench.told.empty());
  }
  CHECK(bench.inner->writes == 1);
}

TEST_CASE("maintaining is passed on once") {
  Bench bench;
  int calls = 0;
  bench.inner->on_maintain = [&] {
    ++calls;
    throw Error{Error::unavailable, "down"};
  };
  CHECK_THROWS_WITH_AS(bench.sink().maintain(), "down", Error);
  CHECK(calls == 1);
}

TEST_CASE("the steady timer waits, and is interrupted at once") {
  std::stop_source stop;
  const auto before = steady_timer().now();
  CHECK(steady_timer().wait(1ms, stop.get_token()));
  CHECK(steady_timer().wait(0ms, stop.get_token()));
  CHECK(steady_timer().wait(1ms, {}));
  CHECK(steady_timer().now() >= before + 2ms);
  bool was_stopped = false;
  std::thread waiting{[&] { was_stopped = !steady_timer().wait(24h, stop.get_token()); }};
  stop.request_stop();
  waiting.join();
  CHECK(was_stopped);
  CHECK_FALSE(steady_timer().wait(24h, stop.get_token()));
}
