#include <doctest/doctest.h>

#include "contract/source_contract.hpp"
#include "eventcollect/file.hpp"
#include "eventcollect/open.hpp"
#include "support/directory.hpp"
#include "support/events.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

// Follows a sink of the same process.
class FollowingBench final : public SourceBench {
 public:
  void put(const Batch& batch) override { write(sink_, batch); }
  std::shared_ptr<Source> open() override {
    return std::make_shared<FileSource>(sink_, FileSourceOptions{.consume = true});
  }

 private:
  TemporaryDirectory directory_;
  FileSink sink_{directory_.path("events"), {.rotate_bytes = 64 << 10}};
};

// Another process's files, which appear when they are sealed.
class SealedBench final : public SourceBench {
 public:
  void put(const Batch& batch) override {
    {
      FileSink sink{directory_.path("events")};
      write(sink, batch);
    }
    FileSink{directory_.path("events")};  // a start seals what the last run left
  }
  std::shared_ptr<Source> open() override {
    FileSink{directory_.path("events")};
    return open_source("file:" + directory_.path("events") + "?consume=on");
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("a file source that follows a sink of its process keeps the contract") {
  FollowingBench bench;
  CHECK(source_violations(bench) == std::vector<std::string>{});
}

TEST_CASE("a file source that reads sealed files keeps the contract") {
  SealedBench bench;
  CHECK(source_violations(bench) == std::vector<std::string>{});
}

TEST_CASE("a source that does not follow ends") {
  TemporaryDirectory directory;
  {
    FileSink sink{directory.path("events")};
    test::write(sink, numbered_batch("n", 3));
  }
  FileSink{directory.path("events")};
  const auto source = open_source("file:" + directory.path("events") + "?follow=off");
  Delivery delivery;
  CHECK(source->read(delivery, {}));
  CHECK(delivery.batch.size() == 3);
  CHECK_FALSE(source->read(delivery, {}));
  CHECK(delivery.batch.size() == 3);
}

TEST_CASE("a line that is no event is unreadable, and those around it are read") {
  TemporaryDirectory directory;
  FileSink{directory.path("events")};
  const std::string good = std::string{batch_of({event_named("good")}).ndjson()};
  write_file(directory.path("events/0000000007-20300101T000000Z.ndjson"),
             good + "{\"a\":1}\n" + good);
  const auto source = open_source("file:" + directory.path("events"));
  Delivery delivery;
  REQUIRE(source->read(delivery, {}));
  CHECK(delivery.batch.size() == 2);
  REQUIRE(delivery.rejections.size() == 1);
  CHECK(delivery.rejections[0].raw == "{\"a\":1}");
}

TEST_CASE("blank lines, which take the place of damaged ones, are passed over and acknowledged") {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path("events"));
  const std::string good = std::string{numbered_batch("good", 1).ndjson()};
  const std::string blank(700'000, '\n');  // more than is read at once
  const std::string sealed = "-20300101T000000Z.ndjson";
  write_file(directory.path("events/0000000001" + sealed), blank + good + blank);
  write_file(directory.path("events/0000000002" + sealed), blank);
  const auto source = open_source("file:" + directory.path("events") + "?consume=1&follow=0");
  Delivery delivery;
  REQUIRE(source->read(delivery, {}));
  CHECK(delivery.size() == 1);
  source->acknowledge(delivery);
  delivery.clear();
  CHECK_FALSE(source->read(delivery, {}));
  CHECK(delivery.empty());
  CHECK(names_in(directory.path("events"), ".ndjson").empty());
}

TEST_CASE("a file goes when the readers of all cursors have done with it") {
  TemporaryDirectory directory;
  FileSink sink{directory.path("events"), {.rotate_bytes = 1}};  // a file for each batch
  FileSource fast{sink, {.cursor = "fast", .consume = true}};
  FileSource slow{sink, {.cursor = "slow", .consume = true}};
  for (int i = 0; i < 3; ++i) write(sink, numbered_batch("n" + std::to_string(i), 1));
  const auto sealed = [&] { return names_in(directory.path("events"), "Z.ndjson").size(); };
  const auto read_all = [&](FileSource& source) {
    Delivery delivery;
    while (delivery.batch.size() < 3) source.read(delivery, {.wait = std::chrono::seconds{10}});
    source.acknowledge(delivery);
  };
  REQUIRE(sealed() == 2);
  read_all(fast);
  CHECK(sealed() == 2);
  CHECK(slow.backlog().bytes > 0);
  read_all(slow);
  CHECK(sealed() == 0);
  CHECK(slow.backlog().bytes == 0);
}

TEST_CASE("events that come after all files were taken away are not taken for old ones") {
  TemporaryDirectory directory;
  const std::string place = directory.path("events");
  for (int run = 0; run < 4; ++run) {
    FileSink sink{place};
    FileSource source{sink, {.consume = true}};
    write(sink, numbered_batch("run" + std::to_string(run) + "-", 20));
    Delivery delivery;
    while (delivery.batch.size() < 20) {
      REQUIRE(source.read(delivery, {.wait = std::chrono::seconds{10}}));
    }
    CHECK(delivery.batch.front().name == "run" + std::to_string(run) + "-0");
    source.acknowledge(delivery);
  }
}

TEST_CASE("a cursor has one reader, and a name that cannot be a file's") {
  TemporaryDirectory directory;
  const FileSink sink{directory.path("events")};
  const FileSource first{sink};
  CHECK_THROWS_AS(FileSource{sink}, Error);
  CHECK_NOTHROW(FileSource(sink, {.cursor = "other"}));
  CHECK_THROWS_AS(FileSource(sink, {.cursor = "../x"}), ConfigError);
  CHECK_THROWS_AS(FileSource(sink, {.cursor = "7"}), ConfigError);
}

}  // namespace eventcollect::test
