#include "compact/event_sorter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "eventcollect/error.hpp"
#include "objects/stoppable_store.hpp"
#include "support/directory.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {

using namespace compaction;

namespace {

// Events that share ids and times often, with lines of up to `max_line_bytes`, which the deque
// keeps.
std::vector<SortedEvent> random_events(std::size_t count, std::size_t max_line_bytes,
                                       std::mt19937_64& random, std::deque<std::string>& lines) {
  std::vector<SortedEvent> events;
  for (std::size_t i = 0; i < count; ++i) {
    lines.emplace_back(random() % (max_line_bytes + 1), static_cast<char>('a' + random() % 3));
    events.push_back({random() % 3, random() % (count / 2 + 1),
                      static_cast<std::int64_t>(random() % 4), lines.back()});
  }
  return events;
}

// What the sorters give for these events, dealt out to them in turn; its lines are copied.
std::vector<std::string> texts_sorted_by(std::size_t count, const SortOptions& options,
                                         const std::vector<SortedEvent>& events) {
  std::vector<EventSorter> sorters;
  for (std::size_t i = 0; i < count; ++i) sorters.emplace_back(options);
  for (std::size_t i = 0; i < events.size(); ++i) sorters[i % count].add(events[i]);
  const auto sorted = EventSorter::merge(sorters);
  std::vector<std::string> texts;
  for (SortedEvent event; sorted->next(event);) {
    texts.push_back(std::to_string(event.id_high) + ' ' + std::to_string(event.id_low) + ' ' +
                    std::to_string(event.server_time) + ' ' + std::string{event.line});
  }
  return texts;
}

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {});
}

}  // namespace

TEST_CASE("a stop ends the merging of files") {
  const TemporaryDirectory directory;
  std::mt19937_64 random{seed()};
  std::deque<std::string> lines;
  const auto events = random_events(2'000, 20, random, lines);
  std::stop_source stop;
  stop.request_stop();
  EventSorter sorter{{.memory_bytes = 4 << 10,
                      .temporary_directory = directory.path(),
                      .stop = stop.get_token(),
                      .fan_in = 2}};
  const auto add_all = [&] {
    for (const SortedEvent& event : events) sorter.add(event);
  };
  CHECK_THROWS_AS(add_all(), objects::Stopped);
}

TEST_CASE("any number of events is sorted, however little memory and however few files at once") {
  const TemporaryDirectory directory;
  std::mt19937_64 random{seed()};
  for (const std::size_t max_line_bytes : {20U, 5'000U}) {
    for (const std::size_t count : {0U, 1U, 2U, 100U}) {
      std::deque<std::string> lines;
      std::vector<SortedEvent> events = random_events(count, max_line_bytes, random, lines);
      const SortOptions in_memory{.memory_bytes = std::size_t{64} << 20};
      std::vector<SortedEvent> expected = events;
      std::sort(expected.begin(), expected.end());
      const std::vector<std::string> wanted = texts_sorted_by(1, in_memory, expected);
      REQUIRE(wanted.size() == count);
      CHECK((texts_sorted_by(3, in_memory, events) == wanted));
      for (const std::size_t fan_in : {0U, 1U, 2U, 3U}) {
        for (const std::size_t sorters : {1U, 3U}) {
          CAPTURE(max_line_bytes);
          CAPTURE(count);
          CAPTURE(fan_in);
          CAPTURE(sorters);
          const SortOptions options{
              .memory_bytes = 2'000, .temporary_directory = directory.path(), .fan_in = fan_in};
          CHECK((texts_sorted_by(sorters, options, events) == wanted));
        }
      }
    }
  }
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("a sorter with a fan-in of 2 has few files open, whatever is added") {
  const TemporaryDirectory directory;
  EventSorter sorter{{.memory_bytes = 1'000, .temporary_directory = directory.path(), .fan_in = 2}};
  const auto before = open_descriptors();
  const std::string line(200, 'x');
  std::ptrdiff_t max_open = 0;
  for (std::uint64_t i = 0; i < 500; ++i) {
    sorter.add({i % 7, i, 0, line});
    max_open = std::max(max_open, open_descriptors() - before);
  }
  CHECK(max_open > 1);
  CHECK(max_open <= 12);  // one of each size, and those that are being merged
}

TEST_CASE("a directory for temporary files that is missing is named") {
  const TemporaryDirectory directory;
  EventSorter sorter{{.memory_bytes = 100, .temporary_directory = directory.path("missing")}};
  const std::string line(1'000, 'x');
  try {
    sorter.add({1, 1, 1, line});
    FAIL("there is no such directory");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::unavailable);
    CHECK(std::string_view{error.what()}.find(directory.path("missing")) != std::string::npos);
  }
}

}  // namespace eventcollect::test
