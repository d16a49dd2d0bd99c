// A file sink and two readers that ship and remove its files, against the worst disk: nothing that
// the sink acknowledged fails to arrive.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "drivers/file/log.hpp"
#include "drivers/file/names.hpp"
#include "drivers/file/reader.hpp"
#include "eventcollect/sink.hpp"
#include "support/disk_faults.hpp"
#include "support/events.hpp"
#include "support/notices.hpp"
#include "support/power_cut_file_system.hpp"

namespace eventcollect::test {

using base::FileSystem;

namespace {

using Random = std::mt19937_64;

std::string stored_line(std::size_t number) {
  return fmt::format(
      "{{\"event_id\":\"01890000-0000-7000-8000-{:012}\",\"event\":\"n{}\",\"properties\":{{}},"
      "\"server_time\":1893456000000,\"event_time\":1893456000000}}\n",
      number, number);
}

// Where a reader's events go: always durable, but not always willing. It survives the runs.
struct FarSide {
  std::set<std::size_t> numbers;
  bool is_in_order = true;

  void store(const Batch& batch) {
    for (const Event& event : batch) {
      const std::size_t number = std::strtoull(event.name.data() + 1, nullptr, 10);
      const bool is_new = numbers.insert(number).second;
      if (is_new && number != *numbers.rbegin()) is_in_order = false;
    }
  }
};

// What a forwarder does: read, write, acknowledge.
class Consumer {
 public:
  Consumer(const file::Log& log, std::string cursor, FileSystem& files, FarSide& far,
           Random& random)
      : log_{log}, cursor_{std::move(cursor)}, files_{files}, far_{far}, random_{random} {
    open();
  }

  bool acknowledges_first = false;

  void step() {
    try {
      if (!reader_) open();
      const bool was_idle = delivery_.empty();
      reader_->read(delivery_, {.wait = {}, .max_events = random_() % 8 + 1});
      if (delivery_.empty() || (was_idle && random_() % 3 == 0)) return;  // it gathers more
      deliver();
    } catch (const Error&) {
      if (random_() % 2 == 0) begin_again();
    }
    if (random_() % 30 == 0) begin_again();
  }

  // Takes all that there is. Nothing may fail.
  void drain() {
    for (bool more = true; more;) {
      reader_->read(delivery_, {});
      more = !delivery_.empty();
      deliver();
    }
  }

  std::uint64_t backlog_bytes() const { return reader_->backlog().bytes; }

 private:
  void open() {
    reader_.emplace("events", FileSourceOptions{.cursor = cursor_, .consume = true}, files_,
                    log_.progress());
  }

  void begin_again() {
    if (reader_ && random_() % 2 == 0) return reader_->rewind();
    reader_.reset();
    delivery_.clear();
  }

  void deliver() {
    if (acknowledges_first) reader_->acknowledge(delivery_);
    far_.store(delivery_.batch);
    if (!acknowledges_first) reader_->acknowledge(delivery_);
    delivery_.clear();
  }

  const file::Log& log_;
  const std::string cursor_;
  FileSystem& files_;
  FarSide& far_;
  Random& random_;
  std::optional<file::Reader> reader_;
  Delivery delivery_;
};

// A program that is started again and again on one disk.
class Program {
 public:
  Program(PowerCutFileSystem& files, Random& random) : files_{files}, random_{random} {}

  bool acknowledges_first = false;
  std::set<std::size_t> acknowledged;
  std::array<FarSide, 2> far{};
  std::size_t failures = 0;

  void run(std::size_t steps) {
    const auto live = [&](file::Log& log, std::array<Consumer, 2>& consumers) {
      for (std::size_t i = 0; i < steps; ++i) step(log, consumers);
    };
    try {
      start(live);
    } catch (const PowerCut&) {
    } catch (const Error&) {
      ++failures;  // perhaps it could not even be started
    }
  }

  // A run that nothing disturbs, until both have everything. Returns how many files are left.
  std::size_t finish() {
    std::size_t files_left = 0;
    start([&](file::Log& log, std::array<Consumer, 2>& consumers) {
      // Whoever passes the end of a file takes away all that are passed.
      for (int i = 0; i < 20; ++i) append(log);
      for (Consumer& consumer : consumers) consumer.drain();
      for (Consumer& consumer : consumers) CHECK(consumer.backlog_bytes() == 0);
      files_left = sealed_files();  // the end of the log seals the last one
    });
    return files_left;
  }

 private:
  std::size_t sealed_files() const {
    const auto contents = files_.contents();
    return static_cast<std::size_t>(
        std::count_if(contents.begin(), contents.end(), [](const auto& file) {
          return file::is_sealed_file(file.first.substr(file.first.rfind('/') + 1));
        }));
  }

  using Life = std::function<void(file::Log&, std::array<Consumer, 2>&)>;

  // As a spool does it: each cursor is there before the first event is shipped.
  void start(const Life& live) {
    file::Log log{
        "events", {.rotate_bytes = 1'000, .rotate_age = std::chrono::minutes{10}}, files_, clock_};
    std::array consumers{Consumer{log, "a", files_, far[0], random_},
                         Consumer{log, "b", files_, far[1], random_}};
    for (Consumer& consumer : consumers) consumer.acknowledges_first = acknowledges_first;
    live(log, consumers);
  }

  void step(file::Log& log, std::array<Consumer, 2>& consumers) {
    const auto dice = random_() % 4;
    if (dice < 2) {
      append(log);
    } else {
      consumers[dice - 2].step();
    }
  }

  void append(file::Log& log) {
    std::string lines;
    const std::size_t first = next_;
    for (std::size_t count = random_() % 4 + 1; count > 0; --count) lines += stored_line(next_++);
    clock_.advance(std::chrono::minutes{random_() % 4});
    try {
      if (random_() % 8 == 0) log.maintain();
      log.append(lines);
      for (std::size_t n = first; n < next_; ++n) acknowledged.insert(n);
    } catch (const Error&) {
      ++failures;
    }
  }

  PowerCutFileSystem& files_;
  Random& random_;
  ManualClock clock_{some_time};
  std::size_t next_ = 0;
};

struct Outcome {
  std::size_t acknowledged = 0;
  std::size_t lost = 0;
  std::size_t failures = 0;
  std::size_t files_left = 0;
  std::size_t out_of_order = 0;
};

using Spoil = std::function<void(PowerCutFileSystem&, Random&)>;

Outcome survive(std::uint64_t seed_of_run, const Spoil& spoil, bool acknowledges_first) {
  Random random{seed_of_run};
  PowerCutFileSystem files;
  Program program{files, random};
  program.acknowledges_first = acknowledges_first;
  for (int generation = 0; generation < 5; ++generation) {
    spoil(files, random);
    files.cut_after(random() % 400);
    program.run(random() % 200);
    files.power_on(random);
  }
  files.fault = nullptr;
  files.max_write = 0;
  Outcome outcome;
  outcome.files_left = program.finish();
  outcome.acknowledged = program.acknowledged.size();
  outcome.failures = program.failures;
  for (const FarSide& far : program.far) {
    for (const std::size_t n : program.acknowledged) outcome.lost += 1 - far.numbers.count(n);
    if (!far.is_in_order) ++outcome.out_of_order;
  }
  return outcome;
}

Outcome survive_many(std::size_t runs, const Spoil& spoil, bool acknowledges_first = false) {
  Outcome sum;
  const Notices ignored;
  const std::uint64_t first = seed();
  for (std::size_t run = 0; run < runs; ++run) {
    CAPTURE(run);
    const Outcome one = survive(first + run, spoil, acknowledges_first);
    sum.acknowledged += one.acknowledged;
    sum.lost += one.lost;
    sum.failures += one.failures;
    sum.files_left += one.files_left;
    sum.out_of_order += one.out_of_order;
  }
  return sum;
}

constexpr std::size_t runs = under_sanitizer(1'000, 200);

}  // namespace

TEST_CASE("each acknowledged line reaches each far side through power cuts, and the files go") {
  const Outcome outcome = survive_many(runs, [](auto&, auto&) {});
  CHECK(outcome.acknowledged > runs * 50);
  CHECK(outcome.lost == 0);
  CHECK(outcome.files_left == 0);
  CHECK(outcome.out_of_order == 0);
}

TEST_CASE("the same check finds what a reader loses that acknowledges too early") {
  const bool acknowledges_first = true;
  CHECK(survive_many(
            runs, [](auto&, auto&) {}, acknowledges_first)
            .lost > 0);
}

TEST_CASE("each acknowledged line reaches each far side when calls fail and the power goes") {
  struct Fault {
    const char* name;
    std::vector<Call> calls;
    int error;
  };
  const Fault faults[] = {
      {"EINTR on write and read", {Call::write, Call::overwrite, Call::read}, EINTR},
      {"ENOSPC on write and open", {Call::write, Call::open, Call::probe}, ENOSPC},
      {"EIO on read", {Call::read}, EIO},
      {"EIO on write", {Call::write, Call::overwrite}, EIO},
      {"EIO on fdatasync", {Call::sync_data}, EIO},
      {"EIO on fsync of the directory", {Call::sync_directory}, EIO},
      {"EIO on rename and remove", {Call::rename, Call::remove}, EIO},
      {"EIO on all calls",
       {Call::open, Call::read, Call::write, Call::overwrite, Call::truncate, Call::sync_data,
        Call::sync_directory, Call::rename, Call::remove},
       EIO},
  };
  for (const Fault& fault : faults) {
    CAPTURE(std::string{fault.name});
    const Outcome outcome = survive_many(runs / 4, [&](PowerCutFileSystem& files, Random& random) {
      files.fault = failing(fault.calls, fault.error, 8, random);
      files.max_write = random() % 2 == 0 ? 0 : 7;
    });
    CHECK(outcome.acknowledged > runs);
    CHECK(outcome.lost == 0);
    CHECK(outcome.files_left == 0);
  }
}

TEST_CASE("a file log does not start where it cannot tell which numbers its readers have passed") {
  PowerCutFileSystem files;
  ManualClock clock{some_time};
  {
    file::Log log{"events", {.rotate_bytes = 1}, files, clock};
    file::Reader reader{"events", {.consume = true}, files, log.progress()};
    log.append(stored_line(0));
    log.append(stored_line(1));
    Delivery delivery;
    while (delivery.batch.size() < 2) reader.read(delivery, {});
    reader.acknowledge(delivery);
  }
  files.fault = [](Call call) { return call == Call::read ? EIO : 0; };
  CHECK_THROWS_AS(file::Log("events", {}, files, clock), Error);
  files.fault = nullptr;
  CHECK_NOTHROW(file::Log("events", {}, files, clock));
}

TEST_CASE("a full disk does not keep the files that all readers have passed") {
  PowerCutFileSystem files;
  ManualClock clock{some_time};
  file::Log log{"events", {.rotate_bytes = 1}, files, clock};
  const auto sealed = [&] {
    const auto contents = files.contents();
    return std::count_if(contents.begin(), contents.end(), [](const auto& file) {
      return file::is_sealed_file(file.first.substr(file.first.rfind('/') + 1));
    });
  };
  std::optional<file::Reader> reader;
  reader.emplace("events", FileSourceOptions{.consume = true}, files, log.progress());
  for (std::size_t n = 0; n < 4; ++n) log.append(stored_line(n));
  REQUIRE(sealed() == 3);
  files.fault = [](Call call) { return call == Call::write ? ENOSPC : 0; };
  CHECK_THROWS_AS(log.append(stored_line(4)), Error);
  SUBCASE("of one that was there before") {}
  SUBCASE("of one that begins on it") {
    reader.reset();
    reader.emplace("events", FileSourceOptions{.consume = true}, files, log.progress());
  }
  Delivery delivery;
  while (delivery.batch.size() < 4) reader->read(delivery, {});
  reader->acknowledge(delivery);
  reader->read(delivery, {});
  CHECK(sealed() == 0);
}

}  // namespace eventcollect::test
