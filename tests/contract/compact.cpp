#include "eventcollect/compact.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "eventcollect/dir.hpp"
#include "eventcollect/objects.hpp"
#include "eventcollect/url.hpp"
#include "support/directory.hpp"
#include "support/hooked_store.hpp"
#include "support/hours.hpp"
#include "support/memory_store.hpp"
#include "support/seed.hpp"
#include "support/tiny_disk.hpp"

using namespace eventcollect;
using namespace eventcollect::objects;
using namespace eventcollect::test;

namespace {

const ManualClock written_at{some_time + std::chrono::hours{1}};

// A store and what compacting it reports.
struct Bench {
  MemoryStore store{written_at};
  std::vector<CompactedHour> reports;

  CompactStatistics compact_it(CompactOptions options = later_options()) {
    options.on_hour = [this](const CompactedHour& one) { reports.push_back(one); };
    return compact(store, options);
  }
};

}  // namespace

TEST_CASE("an hour's raw objects become one sorted object, each event once") {
  TemporaryDirectory directory;
  DirStore store{directory.path()};
  put_raw(store, "a", {line_of({3}), line_of({1})});
  put_raw(store, "b", {line_of({2}), line_of({1}), line_of({4})});
  const ManualClock next_year{system_clock().now() + std::chrono::days{20'000}};
  auto options = later_options();
  options.clock = &next_year;
  const auto statistics = compact(store, options);
  CHECK(statistics.hours == 1);
  CHECK(statistics.plans == 1);
  CHECK(statistics.events == 4);
  CHECK(statistics.duplicates == 1);
  CHECK(statistics.conflicts == 0);
  CHECK(hourly_lines(store) == std::vector{line_of({1}), line_of({2}), line_of({3}), line_of({4})});
  CHECK(check_hour(store) == ids_of(1, 4));
  CHECK(keys_of(store, quarantine_folder).empty());
  const auto plans = plans_in(store);
  REQUIRE(plans.size() == 1);
  CHECK(keys_of(store, plans_folder) == std::vector{plans[0].key()});
  CHECK(plans[0].raws == std::vector{raw_key("a"), raw_key("b")});
  CHECK(compact(store, options).plans == 0);
}

TEST_CASE("an hour is left alone until it and its newest raw object are older than the grace") {
  ManualClock clock{some_hour.end()};
  MemoryStore store{clock};
  put_raw(store, "a", {line_of({1})});
  auto options = later_options();
  options.clock = &clock;
  options.grace = std::chrono::minutes{10};
  clock.advance(options.grace - std::chrono::milliseconds{1});
  CHECK(compact(store, options).plans == 0);
  put_raw(store, "b", {line_of({2})});
  clock.advance(std::chrono::milliseconds{1});
  CHECK(compact(store, options).plans == 0);
  CHECK(keys_of(store).size() == 2);
  clock.advance(options.grace);
  CHECK(compact(store, options).plans == 1);
  CHECK(check_hour(store) == ids_of(1, 2));
}

TEST_CASE("an open plan is finished although the clock has jumped back") {
  Bench bench;
  put_raw(bench.store, "a", {line_of({1})});
  HookedStore dying{bench.store, [](const StoreCall& call) {
                      if (call.kind == StoreCall::get)
                        throw Error{Error::unavailable, "told to fail"};
                    }};
  CHECK_THROWS_AS(compact(dying, later_options()), Error);
  REQUIRE(plans_in(bench.store).size() == 1);
  const ManualClock long_ago{some_hour.begin()};
  auto options = later_options();
  options.clock = &long_ago;
  CHECK(bench.compact_it(options).plans == 1);
  CHECK(check_hour(bench.store) == ids_of(1, 1));
}

TEST_CASE("of equal ids the lowest server_time stays, then the smaller bytes") {
  const EventText first{.number = 1, .offset = 10};
  const EventText again{.number = 1, .offset = 20};
  const EventText other{.number = 1, .offset = 10, .name = "other"};
  const EventText later_other{.number = 1, .offset = 30, .properties = R"({"a":1})"};
  std::vector<EventText> all{first, again, other, later_other, first};
  std::sort(all.begin(), all.end(),
            [](const EventText& a, const EventText& b) { return line_of(a) < line_of(b); });
  do {
    for (std::size_t split = 0; split <= all.size(); ++split) {
      Bench bench;
      std::vector<std::string> raws[2];
      for (std::size_t i = 0; i < all.size(); ++i) raws[i < split].push_back(line_of(all[i]));
      put_raw(bench.store, "a", raws[0]);
      put_raw(bench.store, "b", raws[1]);
      const auto statistics = bench.compact_it();
      CHECK(hourly_lines(bench.store) == std::vector{line_of(first)});
      CHECK(statistics.events == 1);
      CHECK(statistics.duplicates == 2);  // one is the very same line, one came at another time
      CHECK(statistics.conflicts == 2);
      std::vector<std::string> lost;
      for (const std::string& letter : letters_in(bench.store)) {
        const Json json{letter};
        CHECK(json.text("/origin") == "pump");
        CHECK(json.text("/code") == "event_id.conflict");
        CHECK(json.text("/event_id") == id_of(1));
        lost.push_back(json.text("/raw"));
      }
      CHECK(lost == std::vector{line_of(other), line_of(later_other)});
    }
  } while (std::next_permutation(
      all.begin(), all.end(),
      [](const EventText& a, const EventText& b) { return line_of(a) < line_of(b); }));
}

TEST_CASE("what the server adds may differ between two of the same event") {
  const auto line = [](std::string_view url, std::string_view more, int offset) {
    const auto time = to_milliseconds(some_hour.begin()) + offset;
    return fmt::format(
        R"({{"event_id":"{}","event":"e"{},"properties":{{}},"server_time":{},"event_time":{}{}}})",
        id_of(1), url, time, time, more);
  };
  const auto conflicts = [](const std::string& a, const std::string& b) {
    Bench bench;
    put_raw(bench.store, "a", {a, b});
    const auto statistics = bench.compact_it();
    CHECK(statistics.duplicates + statistics.conflicts == 1);
    return statistics.conflicts;
  };
  const std::string plain = line("", "", 0);
  CHECK(conflicts(plain, line("", R"(,"context":{"ip":"10.0.0.0"})", 1)) == 0);
  CHECK(conflicts(plain, line("", R"(,"violations":[1])", 1)) == 0);
  CHECK(conflicts(plain, line("", R"(,"sent_time":1)", 1)) == 0);
  CHECK(conflicts(plain, line("", R"(,"client_time":1)", 1)) == 1);
  CHECK(conflicts(plain, line(R"(,"url":"/")", "", 1)) == 1);
  CHECK(conflicts(line(R"(,"url":"/")", "", 0), line(R"(,"url":"\/")", "", 1)) == 0);
}

TEST_CASE("an event that comes again with other escapes is a duplicate, not a conflict") {
  const auto conflicts = [](std::string_view a, std::string_view b) {
    Bench bench;
    std::vector<std::string> lines;
    for (const std::string_view properties : {a, b}) {
      const auto time = to_milliseconds(some_time) + static_cast<std::int64_t>(lines.size());
      lines.push_back(fmt::format(
          R"({{"event_id":"{}","event":"e","properties":{},"server_time":{},"event_time":{}}})",
          id_of(1), properties, time, time));
    }
    put_raw(bench.store, "a", lines);
    const auto statistics = bench.compact_it();
    CHECK(statistics.duplicates + statistics.conflicts == 1);
    return statistics.conflicts;
  };
  const std::pair<std::string_view, std::string_view> same[] = {
      {R"({"a":"ä/\n"})", R"({"a":"\u00e4\/\u000A"})"},
      {R"({"ä":[{"b":"😀"}]})", R"({"\u00E4":[{"\u0062":"\ud83d\ude00"}]})"},
      {R"({"a":"\"\\"})", R"({"a":"\u0022\u005c"})"},
  };
  for (const auto& [a, b] : same) CHECK(conflicts(a, b) == 0);
  const std::pair<std::string_view, std::string_view> other[] = {
      {R"({"a":"\\n"})", R"({"a":"\n"})"},
      {R"({"a":"\u00e4"})", R"({"a":"a"})"},
      {R"({"a":"b\"","c":1})", R"({"a":"b","c":1})"},
      {R"({"a":"1"})", R"({"a":1})"},
  };
  for (const auto& [a, b] : other) CHECK(conflicts(a, b) == 1);
}

TEST_CASE("a stop is heard while an object is read, and while hours are listed") {
  MemoryStore store{written_at};
  put_raw(store, "a", {line_of({1})});
  compact(store, later_options());
  put_raw(store, "b", {line_of({1})});
  for (const auto kind : {StoreCall::list, StoreCall::get}) {
    std::stop_source stop;
    std::vector<std::string> begun_after;
    HookedStore stopping{
        store, [&](const StoreCall& call) {
          if (stop.stop_requested() && !call.done) begun_after.push_back(call.key);
          const bool is_hourly = call.key.starts_with(hourly_folder);
          if (call.done && call.kind == kind && (is_hourly || kind == StoreCall::list)) {
            stop.request_stop();
          }
        }};
    compact(stopping, later_options(), stop.get_token());
    CHECK(stop.stop_requested());
    CHECK(begun_after == std::vector<std::string>{});
  }
  compact(store, later_options());
  CHECK(check_hour(store) == ids_of(1, 1));
}

TEST_CASE("stragglers make a further plan, without the events that the hour has") {
  Bench bench;
  put_raw(bench.store, "a", {line_of({1}), line_of({3}), line_of({5})});
  bench.compact_it();
  const auto before = hourly_lines(bench.store);
  put_raw(bench.store, "b", {line_of({4}), line_of({.number = 3, .offset = 7}), line_of({6})});
  put_raw(bench.store, "c", {line_of({4}), line_of({.number = 1, .name = "other"}), line_of({0})});
  const auto statistics = bench.compact_it();
  CHECK(statistics.events == 3);
  CHECK(statistics.duplicates == 2);
  CHECK(statistics.conflicts == 1);
  CHECK(letters_in(bench.store).size() == 1);
  CHECK(check_hour(bench.store) ==
        std::multiset{id_of(0), id_of(1), id_of(3), id_of(4), id_of(5), id_of(6)});
  CHECK(lines_in(bench.store, plans_in(bench.store)[0].outputs[0].key) == before);

  put_raw(bench.store, "d", {line_of({3}), line_of({4})});
  CHECK(bench.compact_it().duplicates == 2);
  REQUIRE(plans_in(bench.store).size() == 3);
  CHECK(plans_in(bench.store)[2].outputs.empty());
  check_hour(bench.store);
}

TEST_CASE("many late raw objects make many plans, each of which knows all before it") {
  Bench bench;
  constexpr std::uint64_t plans = 40;
  for (std::uint64_t i = 0; i < plans; ++i) {
    std::vector<std::string> lines;
    for (std::uint64_t j = 0; j <= i; ++j) lines.push_back(line_of({.number = j}));
    put_raw(bench.store, id_of(i), lines);
    CHECK(bench.compact_it().duplicates == i);
  }
  CHECK(check_hour(bench.store) == ids_of(0, plans));
}

TEST_CASE("an earlier output that is gone is no hindrance, a damaged one is an error") {
  Bench bench;
  put_raw(bench.store, "a", {line_of({1}), line_of({2})});
  bench.compact_it();
  const std::string output = plans_in(bench.store)[0].outputs[0].key;
  put_raw(bench.store, "b", {line_of({2}), line_of({3})});
  const std::string content = read_object(bench.store, output);
  const std::string damaged[] = {content.substr(0, content.size() / 2), "no gzip",
                                 gzip(line_of({2}) + "\n" + line_of({1}) + "\n"), gzip("{}\n")};
  for (const std::string& bad : damaged) {
    bench.store.put(output, bad);
    CHECK_THROWS_AS(bench.compact_it(), Error);
    CHECK(keys_of(bench.store, raw_folder).size() == 1);
  }
  bench.store.remove(output);
  CHECK(bench.compact_it().events == 2);
}

TEST_CASE("the first and the last millisecond belong to the hour, those beside do not") {
  constexpr std::int64_t hour = 3'600'000;
  Bench bench;
  put_raw(bench.store, "a",
          {line_of({.number = 1, .offset = -1}), line_of({.number = 2, .offset = 0}),
           line_of({.number = 3, .offset = hour - 1}), line_of({.number = 4, .offset = hour})});
  const auto statistics = bench.compact_it();
  CHECK(statistics.events == 2);
  CHECK(statistics.unreadable == 2);
  CHECK(check_hour(bench.store) == ids_of(2, 2));
  const auto letters = letters_in(bench.store);
  REQUIRE(letters.size() == 2);
  CHECK(Json{letters[0]}.text("/code") == "server_time.invalid");
  CHECK(Json{letters[0]}.text("/raw") == line_of({.number = 1, .offset = -1}));
  CHECK(Json{letters[1]}.text("/raw") == line_of({.number = 4, .offset = hour}));
}

TEST_CASE("lines that are no event are dead letters") {
  Bench bench;
  put_raw(bench.store, "a", {line_of({1}), "{", "{}", "", "\xff", line_of({2})});
  const auto statistics = bench.compact_it();
  CHECK(statistics.events == 2);
  CHECK(statistics.unreadable == 3);
  CHECK(bench.reports.at(0).unreadable == 3);
  CHECK(letters_in(bench.store).size() == 3);
  check_hour(bench.store);
}

TEST_CASE("a cut object's good lines are in, and it is kept") {
  std::vector<std::string> lines;
  for (std::uint64_t i = 0; i < 200; ++i) {
    lines.push_back(line_of({.number = i, .properties = fmt::format(R"({{"n":{}}})", i * i * i)}));
  }
  MemoryStore whole;
  put_raw(whole, "a", lines);
  const std::string content = read_object(whole, raw_key("a"));
  std::size_t most = 0;
  for (std::size_t bytes = 0; bytes < content.size(); bytes += 7) {
    INFO("cut to ", bytes);
    Bench bench;
    bench.store.put(raw_key("a"), content.substr(0, bytes));
    put_raw(bench.store, "b", {line_of({1'000})});
    const auto statistics = bench.compact_it();
    CHECK(statistics.damaged_objects == 1);
    CHECK(statistics.unreadable == 0);
    CHECK(statistics.events >= std::max<std::size_t>(most, 1));
    most = statistics.events;
    auto ids = ids_of(0, statistics.events - 1);
    ids.insert(id_of(1'000));
    CHECK(check_hour(bench.store) == ids);
    CHECK(read_object(bench.store, "quarantine/" + some_partition + "a.json.gz") ==
          content.substr(0, bytes));
    const auto letters = letters_in(bench.store);
    REQUIRE(letters.size() == 1);
    CHECK(Json{letters[0]}.text("/code") == "object.damaged");
    CHECK(Json{letters[0]}.text("/raw") == raw_key("a"));
  }
  CHECK(most > 190);
}

TEST_CASE("a raw object that somebody removed is noted, and the hour goes on") {
  Bench bench;
  put_raw(bench.store, "a", {line_of({1})});
  put_raw(bench.store, "b", {line_of({2})});
  HookedStore meddled{bench.store, [&](const StoreCall& call) {
                        if (call.kind == StoreCall::create) bench.store.remove(raw_key("a"));
                      }};
  CHECK(compact(meddled, later_options()).missing_objects == 1);
  CHECK(check_hour(bench.store) == ids_of(2, 1));
  CHECK(Json{letters_in(bench.store).at(0)}.text("/code") == "object.missing");
}

TEST_CASE("what is put already stays when its raw object is removed") {
  Bench bench;
  put_raw(bench.store, "a", {line_of({1}), line_of({3})});
  put_raw(bench.store, "b", {line_of({2})});
  HookedStore dying{bench.store, [](const StoreCall& call) {
                      const bool marks_done =
                          call.kind == StoreCall::put && call.key.starts_with(plans_folder);
                      if (marks_done) throw Error{Error::unavailable, "told to fail"};
                    }};
  CHECK_THROWS_AS(compact(dying, later_options()), Error);
  bench.store.remove(raw_key("a"));
  CHECK(bench.compact_it().missing_objects == 1);
  CHECK(check_hour(bench.store) == ids_of(1, 3));
}

TEST_CASE("an hour of more than the target becomes several objects") {
  const std::size_t line_bytes = line_of({0}).size() + 1;
  for (const std::size_t per_object : {1U, 2U, 3U, 7U}) {
    for (const std::size_t more : {std::size_t{0}, line_bytes - 1}) {
      Bench bench;
      std::vector<std::string> lines;
      for (std::uint64_t i = 0; i < 7; ++i) lines.push_back(line_of({i}));
      put_raw(bench.store, "a", lines);
      auto options = later_options();
      options.target_bytes = per_object * line_bytes + more;
      bench.compact_it(options);
      CHECK(check_hour(bench.store) == ids_of(0, 7));
      CHECK(bench.reports.at(0).hourly_objects == (7 + per_object - 1) / per_object);
    }
  }
}

TEST_CASE("an hour that needs temporary files becomes the same objects as in memory") {
  std::mt19937_64 random{seed()};
  std::vector<std::string> raws[2];
  for (int i = 0; i < 60'000; ++i) {
    const EventText event{.number = random() % 40'000,
                          .offset = static_cast<std::int64_t>(random() % 3),
                          .properties = random() % 8 == 0 ? R"({"a":1})" : "{}"};
    raws[i % 2].push_back(line_of(event));
  }
  std::vector<std::string> expected;
  std::uint64_t conflicts = 0;
  for (const std::size_t memory_bytes : {64U, 1U, 2U}) {
    Bench bench;
    put_raw(bench.store, "a", raws[0]);
    put_raw(bench.store, "b", raws[1]);
    auto options = later_options();
    options.memory_bytes = memory_bytes << 20;
    options.threads = 1 + memory_bytes % 2;
    const auto statistics = bench.compact_it(options);
    if (expected.empty()) {
      expected = hourly_lines(bench.store);
      conflicts = statistics.conflicts;
      CHECK(conflicts > 100);
    }
    CHECK(hourly_lines(bench.store) == expected);
    CHECK(statistics.conflicts == conflicts);
    CHECK(letters_in(bench.store).size() == conflicts);
    CHECK(statistics.events + statistics.duplicates + conflicts == 60'000);
  }
}

TEST_CASE("an hour of thousands of tiny raw objects") {
  Bench bench;
  for (std::uint64_t i = 0; i < 3'000; ++i)
    put_raw(bench.store, id_of(i), {line_of({.number = i})});
  auto options = later_options();
  options.threads = 4;
  CHECK(bench.compact_it(options).events == 3'000);
  CHECK(check_hour(bench.store) == ids_of(0, 3'000));
}

TEST_CASE("only hours that have raw objects are looked at, the oldest first") {
  Bench bench;
  std::vector<std::string> listed;
  for (const int hour : {30, 2, 9}) {
    put_raw(bench.store, hour, "a", events_of(hour, "e", 2).ndjson());
    put_raw(bench.store, hour, "b", events_of(hour, "e", 2).ndjson());
  }
  bench.store.put("raw/note", "not of an hour");
  HookedStore watched{bench.store, [&](const StoreCall& call) {
                        if (call.kind == StoreCall::list && !call.done) listed.push_back(call.key);
                      }};
  auto options = later_options();
  const ManualClock much_later{some_later + std::chrono::days{9}};
  options.clock = &much_later;
  std::vector<TimePoint> hours;
  options.on_hour = [&](const CompactedHour& one) { hours.push_back(one.hour); };
  CHECK(compact(watched, options).hours == 3);
  CHECK(hours == std::vector{hour_number(2), hour_number(9), hour_number(30)});
  CHECK(std::count(listed.begin(), listed.end(), raw_folder) == 4);
}

TEST_CASE("where a store creates twice, there may be one compactor only") {
  Bench bench;
  put_raw(bench.store, "a", {line_of({1})});
  HookedStore careless{bench.store, [](const StoreCall&) {}};
  careless.creates_once = false;
  try {
    compact(careless, later_options());
    FAIL("it went on");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::misconfigured);
    CHECK(std::string_view{error.what()}.find("--only-compactor") != std::string_view::npos);
  }
  CHECK(keys_of(bench.store) == std::vector{raw_key("a")});
  auto options = later_options();
  options.only_compactor = true;
  CHECK(compact(careless, options).events == 1);
  put_raw(bench.store, "b", {line_of({2})});
  CHECK(compact(careless, options).events == 1);
  CHECK(check_hour(bench.store) == ids_of(1, 2));
  CHECK(keys_of(bench.store, plans_folder).size() == 2);
}

TEST_CASE("where a store rejects to create, there may be one compactor only") {
  Bench bench;
  put_raw(bench.store, "a", {line_of({1})});
  HookedStore rejecting{bench.store, [](const StoreCall& call) {
                          if (call.kind != StoreCall::create) return;
                          throw Error{Error::misconfigured, "If-None-Match is not implemented"};
                        }};
  CHECK_THROWS_WITH_AS(compact(rejecting, later_options()),
                       doctest::Contains("If-None-Match is not implemented"), Error);
  auto options = later_options();
  options.only_compactor = true;
  CHECK(compact(rejecting, options).events == 1);
  CHECK(check_hour(bench.store) == ids_of(1, 1));
}

TEST_CASE("an hour that fails is passed over, and is an error where all fail") {
  MemoryStore store{written_at};
  for (const int hour : {1, 2, 3}) put_raw(store, hour, "a", events_of(hour, "e", 1).ndjson());
  const std::string second = std::string{raw_folder} + Hour{hour_number(2)}.partition();
  HookedStore failing{store, [&](const StoreCall& call) {
                        const bool is_second =
                            call.kind == StoreCall::get && call.key.starts_with(second);
                        if (is_second) throw Error{Error::unavailable, "told to fail"};
                      }};
  auto options = later_options();
  std::vector<TimePoint> failed;
  options.on_failure = [&](TimePoint hour, const std::exception&) { failed.push_back(hour); };
  const auto statistics = compact(failing, options);
  CHECK(statistics.hours == 2);
  CHECK(statistics.failed == 1);
  CHECK(failed == std::vector{hour_number(2)});
  CHECK_THROWS_WITH_AS(compact(failing, options), "told to fail", Error);
}

TEST_CASE("a plan that is none stops its hour") {
  Bench bench;
  put_raw(bench.store, "a", {line_of({1})});
  bench.store.put("plans/" + some_partition + "0001.json", "{}");
  CHECK_THROWS_WITH_AS(bench.compact_it(), doctest::Contains("0001.json"), Error);
  CHECK(keys_of(bench.store, raw_folder).size() == 1);
}

TEST_CASE("temporary files that cannot be are an error that names their directory") {
  Bench bench;
  std::vector<std::string> lines;
  for (std::uint64_t i = 0; i < 10'000; ++i) lines.push_back(line_of({i}));
  put_raw(bench.store, "a", lines);
  auto options = later_options();
  options.temporary_directory = "/nonexistent";
  CHECK_THROWS_WITH_AS(bench.compact_it(options), doctest::Contains("'/nonexistent'"), Error);
  if (const auto disk = TinyDisk::make(512 << 10)) {
    options.temporary_directory = disk->path();
    CHECK_THROWS_WITH_AS(bench.compact_it(options), doctest::Contains("No space left"), Error);
  }
  options.temporary_directory = "";
  CHECK(bench.compact_it(options).events == 10'000);
}

TEST_CASE("options that make no sense are rejected") {
  MemoryStore store;
  CHECK_THROWS_AS(compact(store, {.grace = std::chrono::milliseconds{-1}}), ConfigError);
  CHECK_THROWS_AS(compact(store, {.target_bytes = 0}), ConfigError);
  CHECK_THROWS_AS(compact(store, {.memory_bytes = 1'000}), ConfigError);
  CHECK_THROWS_AS(compact(store, {.threads = 0}), ConfigError);
  CHECK_THROWS_AS(compact(store, {.threads = 1'000}), ConfigError);
}
