#include "live/recent.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>

#include "support/events.hpp"
#include "support/json.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;
using live::Cursor;
using live::Recent;

// What a viewer gets at `now`, with its events and letters in order.
struct View {
  View(Recent& recent, Cursor after, TimePoint now = some_time) {
    std::string text;
    news = recent.append_news(text, after, now);
    std::vector<std::string> lines = lines_of(text);
    REQUIRE(lines.size() == news.stored + news.rejected);
    stored.assign(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(news.stored));
    rejected.assign(lines.begin() + static_cast<std::ptrdiff_t>(news.stored), lines.end());
    bytes = text.size();
    counts = "{";
    recent.append_counts(counts, now);
    counts += "}";
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const std::string& line : stored) all.push_back(Json{line}.text("/event"));
    return all;
  }

  Recent::News news;
  std::vector<std::string> stored;
  std::vector<std::string> rejected;
  std::size_t bytes = 0;
  std::string counts;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a viewer gets what came after its cursor, the newest first") {
  Recent recent;
  recent.note_stored(batch_of({event_named("a"), event_named("b")}), {});
  const View first{recent, {}};
  CHECK(first.names() == Names{"b", "a"});
  recent.note_stored(batch_of({event_named("c")}), {});
  recent.note_rejected(batch_of({event_named("letter")}));
  const View second{recent, first.news.cursor};
  CHECK(second.names() == Names{"c"});
  CHECK(second.rejected.size() == 1);
  const View third{recent, second.news.cursor};
  CHECK(third.stored.empty());
  CHECK(third.rejected.empty());
  CHECK(third.news.stored_missed + third.news.rejected_missed == 0);
}

TEST_CASE("what the sink rejected is not shown as stored") {
  Recent recent;
  const Batch batch = batch_of({event_named("good"), event_named("bad")});
  Rejections rejections;
  rejections.add(batch[1], "constraint");
  recent.note_stored(batch, rejections);
  const View view{recent, {}};
  CHECK(view.names() == Names{"good"});
  CHECK(Json{view.counts}.number("/names/good") == 1);
  CHECK_FALSE(Json{view.counts}.has("/names/bad"));
}

TEST_CASE("a slow viewer is told how many it has missed, and gets the newest") {
  Recent recent;
  const Cursor begin = View{recent, {}}.news.cursor;
  for (int i = 0; i < 30; ++i) recent.note_stored(numbered_batch("e", 100), {});
  const View view{recent, begin};
  CHECK(view.stored.size() == Recent::max_texts);
  CHECK(view.names().front() == "e99");
  CHECK(view.news.stored_missed == 3000 - Recent::max_texts);
}

TEST_CASE("an answer is bounded in bytes, and a viewer may ask from before all that is kept") {
  Recent recent;
  View{recent, {}};
  const std::string large =
      fmt::format(R"({{"event":"a","properties":{{"p":"{}"}}}})", std::string(60'000, 'x'));
  for (int i = 0; i < 50; ++i) recent.note_stored(batch_of({large}), {});
  const View view{recent, {}};
  CHECK(view.bytes <= Recent::max_bytes + Recent::max_texts);
  CHECK(view.news.stored > 0);
  CHECK(view.news.stored + view.news.stored_missed == 50);
}

TEST_CASE("a cursor of another process has seen nothing") {
  Recent recent;
  recent.note_stored(batch_of({event_named("a")}), {});
  const View view{recent, {.stored = 1'000'000, .rejected = 7}};
  CHECK(view.names() == Names{"a"});
  CHECK(view.news.stored_missed == 0);
}

TEST_CASE("while nobody looks only the first events of each second are kept") {
  Recent recent;
  for (int i = 0; i < 300; ++i) recent.note_stored(batch_of({event_named("quiet")}), {});
  const View unwatched{recent, {}};
  CHECK(unwatched.stored.size() == Recent::max_unwatched_a_second);
  CHECK(Json{unwatched.counts}.number("/names/quiet") == Recent::max_unwatched_a_second);
  CHECK(Json{unwatched.counts}.number("/unnamed") == 300 - Recent::max_unwatched_a_second);
  CHECK(Json{unwatched.counts}.number("/seconds/stored/299") == 300);
  // It looks now.
  for (int i = 0; i < 150; ++i) recent.note_stored(batch_of({event_named("watched")}), {});
  const View watched{recent, unwatched.news.cursor};
  CHECK(watched.stored.size() == 150);
  CHECK(Json{watched.counts}.number("/names/watched") == 150);
}

TEST_CASE("a viewer that went away is forgotten") {
  Recent recent;
  View{recent, {}, some_time - Recent::watched_for - 1ms};
  for (int i = 0; i < 300; ++i) recent.note_stored(batch_of({event_named("a")}), {});
  const View view{recent, {}};
  CHECK(view.stored.size() == Recent::max_unwatched_a_second);
}

TEST_CASE("a hundred names are counted each, and the rarest makes room for a new one") {
  Recent recent;
  View{recent, {}};
  recent.note_stored(batch_of({event_named("site"), event_named("site")}), {});
  recent.note_stored(numbered_batch("junk", 150), {});
  recent.note_stored(batch_of({event_named("new"), event_named("new"), event_named("site")}), {});
  const View view{recent, {}};
  const Json counts{view.counts};
  CHECK(counts.number("/names/site") == 3);
  CHECK(counts.number("/names/new") == 2);
  CHECK(counts.number("/other_names") == 52);
}

TEST_CASE("a look counts for a while, whichever way the clock goes then") {
  Recent recent;
  View{recent, {}, some_time + 1h};
  for (int i = 0; i < 300; ++i) recent.note_stored(batch_of({event_named("a")}), {});
  CHECK(View{recent, {}}.news.cursor.stored == 300);
  CHECK(Json{View{recent, {}}.counts}.number("/unnamed") == 300 - Recent::max_unwatched_a_second);
}

TEST_CASE("viewers and sinks are on threads of their own") {
  Recent recent;
  const Batch batch = numbered_batch("e", 20);
  constexpr int rounds = 300;
  std::thread sink{[&] {
    for (int i = 0; i < rounds; ++i) recent.note_stored(batch, {});
  }};
  std::thread letters{[&] {
    for (int i = 0; i < rounds; ++i) recent.note_rejected(batch);
  }};
  std::uint64_t seen = 0;
  Cursor cursor;
  const auto look = [&] {
    const View view{recent, cursor};
    cursor = view.news.cursor;
    seen += view.news.stored + view.news.stored_missed;
  };
  for (int i = 0; i < rounds; ++i) look();
  sink.join();
  letters.join();
  look();
  CHECK(seen == rounds * 20);
}

}  // namespace eventcollect::test
