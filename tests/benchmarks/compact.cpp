// Compacts an hour, against what a shell does with the same files and the same memory:
//
//   zcat raw/… | LC_ALL=C sort -u -S MEMORY | gzip -1
//
//   bench_compact [pairs]                 the hour below, interleaved pairs, on a `dir:` store
//   bench_compact --random [pairs]        the same with ids in random order
//   bench_compact --tiny RAWS             once: so many raw objects of ten events
//   bench_compact --large GIGABYTES       once: an hour of so many GB of lines
//
// Everything is below the system's directory for temporary files (TMPDIR).
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

#include "benchmarks/pairs.hpp"
#include "eventcollect/compact.hpp"
#include "eventcollect/dir.hpp"
#include "eventcollect/objects.hpp"
#include "objects/gzip_writer.hpp"
#include "objects/layout.hpp"
#include "support/directory.hpp"

using namespace eventcollect;
using namespace eventcollect::objects;

namespace {

namespace fs = std::filesystem;

constexpr TimePoint hour_begin = from_milliseconds(1'795'456'800'000);
const ManualClock long_after{latest_time};  // so that the hour is due
constexpr std::int64_t hour_milliseconds = 3'600'000;

struct HourSize {
  std::size_t raws;
  std::size_t events_of_raw;
  bool random_ids = false;
};

class Generator {
 public:
  // The lines of raw object `index` of `size.raws`, which came in the order of their time.
  std::string lines(const HourSize& size, std::size_t index) {
    std::string out;
    const auto span = hour_milliseconds / static_cast<std::int64_t>(size.raws);
    const auto begin = to_milliseconds(hour_begin) + static_cast<std::int64_t>(index) * span;
    for (std::size_t i = 0; i < size.events_of_raw; ++i) {
      const auto at = begin + span * static_cast<std::int64_t>(i) /
                                  static_cast<std::int64_t>(size.events_of_raw);
      append_event(out, at, size.random_ids);
    }
    return out;
  }

 private:
  void append_event(std::string& out, std::int64_t at, bool random_id) {
    // A client's own clock and its time on the way make ids come out of order.
    const auto minted = static_cast<std::uint64_t>(at) - random_() % 5'000;
    const std::uint64_t high = random_id ? random_() >> 16 : minted;
    fmt::format_to(
        std::back_inserter(out),
        R"({{"event_id":"{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}","event":"clicked_event",)"
        R"("url":"https://www.example.com/blog/article-{}","properties":{{"element":"button",)"
        R"("text":"Read more","section":"hero","x":{},"y":{},"clickable":true}},)"
        R"("server_time":{},"event_time":{}}})"
        "\n",
        high >> 16, high & 0xFFFF, random_() & 0xFFF, random_() & 0xFFF, random_() >> 16,
        random_() % 300, random_() % 1440, random_() % 9000, at, at);
  }

  std::mt19937_64 random_{1};
};

struct Generated {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};

Generated generate(const std::string& directory, const HourSize& size) {
  const fs::path partition = fs::path{directory} / raw_folder / Hour{hour_begin}.partition();
  fs::create_directories(partition);
  Generator generator;
  Generated sum;
  for (std::size_t i = 0; i < size.raws; ++i) {
    const std::string lines = generator.lines(size, i);
    GzipWriter gzip;
    std::string compressed;
    gzip.write(lines, compressed);
    gzip.finish(compressed);
    test::write_file(partition / fmt::format("{:06}{}", i, events_suffix), compressed);
    sum.events += size.events_of_raw;
    sum.bytes += lines.size();
  }
  return sum;
}

// A program that is slower or faster for what was generated or removed last would be unfair.
void settle() {
  if (std::system("sync") != 0) throw std::runtime_error{"sync failed"};
}

double compact_once(const std::string& directory, const CompactOptions& options,
                    std::uint64_t events) {
  settle();
  return bench::seconds_of([&] {
    DirStore store{directory};
    const auto statistics = compact(store, options);
    if (statistics.events != events) throw std::runtime_error{"events were lost"};
  });
}

void compare_with_sort(const HourSize& size, std::size_t pairs) {
  const test::TemporaryDirectory place;
  const Generated hour = generate(place.path("hour"), size);
  fmt::print("{} raw objects, {} events, {} MB of lines\n", size.raws, hour.events,
             hour.bytes / 1'000'000);
  const CompactOptions options{.temporary_directory = place.path(), .clock = &long_after};
  const std::string stock = fmt::format(
      "bash -o pipefail -c 'zcat {0}/hour/raw/*/*/* | LC_ALL=C sort -u -S {1}K -T {0} | gzip -1 "
      "> {0}/sorted.gz'",
      place.path(), options.memory_bytes >> 10);
  const auto theirs = [&] {
    settle();
    return bench::seconds_of([&] {
      if (std::system(stock.c_str()) != 0) throw std::runtime_error{"the pipe failed"};
    });
  };
  const auto ours = [&] {
    const std::string copy = place.path("copy");
    fs::remove_all(copy);
    fs::copy(place.path("hour"), copy,
             fs::copy_options::recursive | fs::copy_options::create_hard_links);
    return compact_once(copy, options, hour.events);
  };
  fmt::print("zcat|sort|gzip, compact, ratio of the times: {}\n",
             bench::compare(hour.events, pairs, theirs, ours));
}

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

void compact_alone(const HourSize& size) {
  const test::TemporaryDirectory place;
  const Generated hour = generate(place.path("hour"), size);
  fmt::print("{} raw objects, {} events, {} MB of lines; {} MiB at peak so far\n", size.raws,
             hour.events, hour.bytes / 1'000'000, peak_kilobytes() >> 10);
  const CompactOptions options{.temporary_directory = place.path(), .clock = &long_after};
  const double seconds = compact_once(place.path("hour"), options, hour.events);
  fmt::print("{:.1f} s, {:.0f} events/s, {} MiB at peak\n", seconds,
             static_cast<double>(hour.events) / seconds, peak_kilobytes() >> 10);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  const std::size_t number = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 9;
  if (mode == "--tiny") {
    compact_alone({.raws = number, .events_of_raw = 10});
  } else if (mode == "--large") {
    compact_alone({.raws = number * 150, .events_of_raw = 24'000});
  } else {
    const HourSize size{.raws = 60, .events_of_raw = 45'000, .random_ids = mode == "--random"};
    compare_with_sort(
        size, mode.empty() || mode == "--random" ? number : std::strtoull(argv[1], nullptr, 10));
  }
}
