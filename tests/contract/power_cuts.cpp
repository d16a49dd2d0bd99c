// The file sink against the worst disk: power cuts at any step, and every system call failing.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "drivers/file/log.hpp"
#include "eventcollect/parser.hpp"
#include "eventcollect/sink.hpp"
#include "support/disk_faults.hpp"
#include "support/events.hpp"
#include "support/notices.hpp"
#include "support/power_cut_file_system.hpp"

namespace eventcollect::test {
namespace {

// Writes numbered lines and remembers which of them were acknowledged.
class Writer {
 public:
  Writer(PowerCutFileSystem& files, std::mt19937_64& random) : files_{files}, random_{random} {}

  std::set<std::size_t> acknowledged;
  std::size_t rejections = 0;

  // A run of the program: opens the log and appends until the power goes or `appends` are done.
  void run(std::size_t appends) {
    try {
      file::Log log{
          "events", {.rotate_bytes = 400, .rotate_age = std::chrono::minutes{10}}, files_, clock_};
      for (std::size_t i = 0; i < appends; ++i) append(log);
    } catch (const PowerCut&) {
    } catch (const Error&) {
      ++rejections;  // it could not even be opened
    }
  }

 private:
  void append(file::Log& log) {
    std::string lines;
    const std::size_t first = next_;
    for (std::size_t count = random_() % 4 + 1; count > 0; --count) {
      lines += R"({"n":)" + std::to_string(next_++) + R"(,"pad":")" +
               std::string(random_() % 40, 'x') + "\"}\n";
    }
    clock_.advance(std::chrono::minutes{random_() % 4});
    try {
      if (random_() % 8 == 0) log.maintain();
      log.append(lines);
      for (std::size_t n = first; n < next_; ++n) acknowledged.insert(n);
    } catch (const Error&) {
      ++rejections;
    }
  }

  PowerCutFileSystem& files_;
  std::mt19937_64& random_;
  ManualClock clock_{some_time};
  std::size_t next_ = 0;
};

struct Found {
  std::map<std::size_t, int> times;  // by number
  std::size_t invalid_lines = 0;
};

// What a reader finds in the sealed files.
Found read_back(PowerCutFileSystem& files) {
  Found found;
  for (const auto& [name, content] : files.contents()) {
    if (!name.ends_with(".ndjson")) continue;
    for (const std::string& line : lines_of(content)) {
      if (line.empty()) continue;  // in place of a damaged one
      if (is_json_object(line)) {
        ++found.times[std::strtoull(line.c_str() + 5, nullptr, 10)];
      } else {
        ++found.invalid_lines;
      }
    }
  }
  return found;
}

struct Outcome {
  std::size_t lost = 0;
  std::size_t repeated = 0;
  std::size_t invalid = 0;
  std::size_t acknowledged = 0;
  std::size_t rejections = 0;
};

// Several runs on one disk, each ended by a power cut; then one that seals what is left.
Outcome survive_cuts(std::uint64_t seed_of_run,
                     const std::function<void(PowerCutFileSystem&, std::mt19937_64&)>& spoil) {
  std::mt19937_64 random{seed_of_run};
  PowerCutFileSystem files;
  Writer writer{files, random};
  for (int generation = 0; generation < 4; ++generation) {
    spoil(files, random);
    files.cut_after(random() % 120);
    writer.run(60);
    files.power_on(random);
  }
  files.fault = nullptr;
  files.max_write = 0;
  writer.run(0);
  const Found found = read_back(files);
  Outcome outcome;
  outcome.invalid = found.invalid_lines;
  outcome.acknowledged = writer.acknowledged.size();
  outcome.rejections = writer.rejections;
  for (const std::size_t n : writer.acknowledged) {
    if (!found.times.contains(n)) ++outcome.lost;
  }
  for (const auto& [n, times] : found.times) {
    if (times > 1) ++outcome.repeated;
  }
  return outcome;
}

Outcome survive_many(std::size_t runs,
                     const std::function<void(PowerCutFileSystem&, std::mt19937_64&)>& spoil) {
  Outcome sum;
  const Notices ignored;
  const std::uint64_t first = seed();
  for (std::size_t run = 0; run < runs; ++run) {
    const Outcome one = survive_cuts(first + run, spoil);
    sum.lost += one.lost;
    sum.repeated += one.repeated;
    sum.invalid += one.invalid;
    sum.acknowledged += one.acknowledged;
    sum.rejections += one.rejections;
  }
  return sum;
}

constexpr std::size_t runs = under_sanitizer(2'000, 600);

}  // namespace

TEST_CASE("no acknowledged line is lost or repeated by power cuts") {
  const Outcome outcome = survive_many(runs, [](auto&, auto&) {});
  CHECK(outcome.acknowledged > runs * 10);
  CHECK(outcome.lost == 0);
  CHECK(outcome.repeated == 0);
  CHECK(outcome.invalid == 0);
}

TEST_CASE("the same check finds the losses of a log whose syncs do nothing") {
  const Outcome outcome =
      survive_many(runs, [](PowerCutFileSystem& files, auto&) { files.lies_about_sync = true; });
  CHECK(outcome.lost > 0);
}

TEST_CASE("no acknowledged line is lost or repeated when calls fail and the power goes") {
  struct Fault {
    const char* name;
    std::vector<Call> calls;
    int error;
  };
  const Fault faults[] = {
      {"EINTR on write and read", {Call::write, Call::read}, EINTR},
      {"ENOSPC on write and open", {Call::write, Call::open, Call::probe}, ENOSPC},
      {"EIO on write", {Call::write}, EIO},
      {"EIO on fdatasync", {Call::sync_data}, EIO},
      {"EIO on rename", {Call::rename}, EIO},
      {"EIO on remove", {Call::remove}, EIO},
      {"EIO on truncate", {Call::truncate, Call::write}, EIO},
  };
  for (const Fault& fault : faults) {
    CAPTURE(fault.name);
    const Outcome outcome =
        survive_many(runs / 4, [&](PowerCutFileSystem& files, std::mt19937_64& random) {
          files.fault = failing(fault.calls, fault.error, 6, random);
          files.max_write = random() % 2 == 0 ? 0 : 7;
        });
    CHECK(outcome.acknowledged > runs);
    CHECK(outcome.lost == 0);
    CHECK(outcome.repeated == 0);
    CHECK(outcome.invalid == 0);
    if (fault.error != EINTR) CHECK(outcome.rejections > 0);
  }
}

// A directory entry whose sync failed may come back beside its new name: then lines are there
// twice, which event_id makes harmless.
TEST_CASE("no acknowledged line is lost when syncs of the directory or all calls fail") {
  const std::vector<Call> every{Call::open,           Call::write,  Call::truncate, Call::sync_data,
                                Call::sync_directory, Call::rename, Call::remove};
  for (const auto& calls : {std::vector<Call>{Call::sync_directory}, every}) {
    const Outcome outcome =
        survive_many(runs / 4, [&](PowerCutFileSystem& files, std::mt19937_64& random) {
          files.fault = failing(calls, EIO, 6, random);
        });
    CHECK(outcome.acknowledged > runs);
    CHECK(outcome.rejections > 0);
    CHECK(outcome.lost == 0);
    CHECK(outcome.invalid == 0);
  }
}

TEST_CASE("a damaged line costs no other one, whenever the power goes while it is set aside") {
  const std::string lines = "{\"n\":0}\n{\"n\":1}\n";
  const std::string damage = "{\"n\":2,\"pad\":\"\x01\"}\n";
  std::mt19937_64 random{seed()};
  const Notices ignored;
  for (std::size_t steps = 0; steps < 60; ++steps) {
    CAPTURE(steps);
    PowerCutFileSystem files;
    files.max_write = 7;
    files.make_directory("events");
    const base::Descriptor file{
        files, files.open("events/current.ndjson", base::FileSystem::Open::create_new)};
    write_all(files, file.get(), lines + damage + "{\"n\":3}\n");
    files.sync_data(file.get());
    for (const char* path : {".", "events"}) {
      const base::Descriptor directory{files, files.open(path, base::FileSystem::Open::directory)};
      files.sync(directory.get());
    }
    Writer writer{files, random};
    files.cut_after(steps);
    writer.run(0);
    files.power_on(random);
    writer.run(0);
    CHECK(writer.rejections == 0);
    const Found found = read_back(files);
    CHECK(found.times == std::map<std::size_t, int>{{0, 1}, {1, 1}, {3, 1}});
    CHECK(found.invalid_lines == 0);
    const auto contents = files.contents();
    CHECK(std::any_of(contents.begin(), contents.end(), [&](const auto& entry) {
      return entry.first.ends_with(".damaged") && entry.second == damage;
    }));
  }
}

}  // namespace eventcollect::test
