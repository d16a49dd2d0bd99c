#include <doctest/doctest.h>

#include "contract/sink_contract.hpp"
#include "drivers/file/log.hpp"
#include "eventcollect/dead_letter.hpp"
#include "eventcollect/file.hpp"
#include "eventcollect/memory.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/tee.hpp"
#include "support/directory.hpp"
#include "support/events.hpp"
#include "support/power_cut_file_system.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {

using base::FileSystem;

namespace {

const ManualClock the_clock{some_time};

// The lines of a file sink's files, sealed ones first: "current" sorts behind every number.
std::vector<std::string> lines_in_order(const std::map<std::string, std::string>& files) {
  std::vector<std::string> lines;
  for (const auto& [name, content] : files) {
    if (!name.ends_with(".ndjson")) continue;
    for (std::string& line : lines_of(content)) lines.push_back(std::move(line));
  }
  return lines;
}

class FileBench final : public Bench {
 public:
  std::shared_ptr<Sink> open() override {
    return open_sink("file:" + directory_.path("events") + "?rotate_bytes=64KiB");
  }

  std::vector<std::string> durable_lines() override {
    std::map<std::string, std::string> files;
    for (const std::string& name : names_in(directory_.path("events"), ".ndjson")) {
      files[name] = read_file(directory_.path("events/" + name));
    }
    return lines_in_order(files);
  }

 private:
  TemporaryDirectory directory_;
};

// The same sink where a crash is the worst that it could be.
class PowerCutBench : public Bench {
 public:
  PowerCutFileSystem files;

  std::shared_ptr<Sink> open() override {
    struct LogSink final : Sink {
      explicit LogSink(FileSystem& files)
          : log{"events", {.rotate_bytes = 64 << 10}, files, the_clock} {}
      void write(const Batch& batch, Rejections&) override { log.append(batch.ndjson()); }
      void maintain() override { log.maintain(); }
      file::Log log;
    };
    return std::make_shared<LogSink>(files);
  }

  std::vector<std::string> durable_lines() override {
    return lines_in_order(files.durable_contents());
  }
};

// Any sink in front of a store that outlives it. A test's sink writes to `store`.
class StoreBench final : public Bench {
 public:
  using Make = std::function<std::shared_ptr<Sink>(std::shared_ptr<MemorySink> store)>;

  explicit StoreBench(Make make) : make_{std::move(make)} {}

  std::shared_ptr<Sink> open() override { return make_(store_); }
  std::vector<std::string> durable_lines() override { return store_->lines(); }

 private:
  Make make_;
  std::shared_ptr<MemorySink> store_ = std::make_shared<MemorySink>();
};

std::vector<std::string> violations_of(StoreBench::Make make) {
  StoreBench bench{std::move(make)};
  return violations(bench);
}

// Answers at once and stores one batch later.
struct EarlySink : Sink {
  explicit EarlySink(std::shared_ptr<MemorySink> store_) : store{std::move(store_)} {}
  void write(const Batch& batch, Rejections& rejections) override {
    if (!held.empty()) store->write(held, rejections);
    held = batch;
  }
  std::shared_ptr<MemorySink> store;
  Batch held;
};

// Rewrites each batch before it stores it.
struct TamperingSink : Sink {
  using Tamper = void (*)(const Batch& batch, Batch& stored);
  TamperingSink(std::shared_ptr<MemorySink> store_, Tamper tamper_)
      : store{std::move(store_)}, tamper{tamper_} {}
  void write(const Batch& batch, Rejections& rejections) override {
    Batch stored;
    tamper(batch, stored);
    if (!stored.empty()) store->write(stored, rejections);
  }
  std::shared_ptr<MemorySink> store;
  Tamper tamper;
};

StoreBench::Make tampering(TamperingSink::Tamper tamper) {
  return [tamper](auto store) { return std::make_shared<TamperingSink>(store, tamper); };
}

}  // namespace

TEST_CASE("the file sink keeps the contract") {
  FileBench bench;
  CHECK(violations(bench) == std::vector<std::string>{});
}

TEST_CASE("the file sink keeps the contract when only what was synced counts") {
  PowerCutBench bench;
  CHECK(violations(bench) == std::vector<std::string>{});
}

TEST_CASE("the suite fails for a file sink whose syncs do nothing") {
  PowerCutBench bench;
  bench.files.lies_about_sync = true;
  CHECK_FALSE(violations(bench).empty());
}

TEST_CASE("the memory sink keeps the contract") {
  CHECK(violations_of([](auto store) { return store; }) == std::vector<std::string>{});
}

TEST_CASE("a tee keeps the contract in each branch") {
  CHECK(violations_of([](auto store) {
          return std::make_shared<TeeSink>(
              std::vector<std::shared_ptr<Sink>>{std::make_shared<MemorySink>(), store});
        }) == std::vector<std::string>{});
}

TEST_CASE("a dead letter sink keeps the contract of the sink that it wraps") {
  CHECK(violations_of([](auto store) {
          return std::make_shared<DeadLetterSink>(store, std::make_shared<MemorySink>());
        }) == std::vector<std::string>{});
}

TEST_CASE("the suite fails for a sink that answers before the events are durable") {
  CHECK_FALSE(violations_of([](auto store) { return std::make_shared<EarlySink>(store); }).empty());
}

TEST_CASE("the suite fails for a sink that drops an event") {
  CHECK_FALSE(violations_of(tampering([](const Batch& batch, Batch& stored) {
                stored.append(batch, 0, batch.size() > 2 ? batch.size() - 1 : batch.size());
              })).empty());
}

TEST_CASE("the suite fails for a sink that stores an event twice") {
  CHECK_FALSE(violations_of(tampering([](const Batch& batch, Batch& stored) {
                stored.append(batch);
                if (batch.size() > 2) stored.append(batch, 0, 1);
              })).empty());
}

TEST_CASE("the suite fails for a sink that changes the order") {
  CHECK_FALSE(violations_of(tampering([](const Batch& batch, Batch& stored) {
                for (std::size_t i = batch.size(); i > 0; --i) stored.append(batch, i - 1, 1);
              })).empty());
}

}  // namespace eventcollect::test
