#include "eventcollect/file.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "eventcollect/open.hpp"
#include "support/directory.hpp"
#include "support/events.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

using Names = std::vector<std::string>;

// A directory for a file sink, and a clock that the test moves.
struct Setup {
  TemporaryDirectory root;
  ManualClock clock{some_time};
  std::string directory = root.path("events");

  std::unique_ptr<FileSink> open(FileSinkOptions options = {}) {
    return std::make_unique<FileSink>(directory, options, clock);
  }
  Names files() const { return names_in(directory, ".ndjson"); }
  std::string content(const std::string& name) const { return read_file(directory + "/" + name); }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream{directory + "/" + name, std::ios::binary | std::ios::app} << text;
  }
};

template <typename Call>
Error error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no Error");
  return {Error::unavailable, ""};
}

}  // namespace

TEST_CASE("events are appended to current.ndjson as they are") {
  Setup setup;
  auto sink = setup.open();
  const Batch one = numbered_batch("one", 2);
  const Batch two = numbered_batch("two", 1);
  write(*sink, one);
  write(*sink, two);
  CHECK(setup.files() == Names{"current.ndjson"});
  CHECK(setup.content("current.ndjson") == std::string{one.ndjson()} + std::string{two.ndjson()});
}

TEST_CASE("a start seals what the last run left") {
  Setup setup;
  const Batch batch = numbered_batch("a", 2);
  write(*setup.open(), batch);
  auto sink = setup.open();
  CHECK(setup.files() == Names{"0000000001-20300101T000000Z.ndjson", "current.ndjson"});
  CHECK(setup.content("0000000001-20300101T000000Z.ndjson") == batch.ndjson());
  CHECK(setup.content("current.ndjson").empty());
}

TEST_CASE("a start leaves no empty file behind") {
  Setup setup;
  for (int i = 0; i < 3; ++i) setup.open();
  CHECK(setup.files() == Names{"current.ndjson"});
}

TEST_CASE("a torn tail is cut off and kept beside") {
  const std::string tails[] = {R"({"event_id":"0193)", std::string(4, '\0'),
                               "{\"a\":1}\nnot json\n{\"b\":2}\n", "[1]\n", "{\"a\":\"\xff\"}\n"};
  for (const std::string& tail : tails) {
    CAPTURE(tail);
    Setup setup;
    const Batch batch = numbered_batch("a", 1);
    write(*setup.open(), batch);
    setup.put("current.ndjson", tail);
    setup.open();
    // A whole line before the first invalid one was written too, only never acknowledged.
    const std::string whole = tail.starts_with("{\"a\":1}") ? "{\"a\":1}\n" : "";
    const std::string sealed = "0000000001-20300101T000000Z.ndjson";
    CHECK(setup.content(sealed) == std::string{batch.ndjson()} + whole);
    CHECK(setup.content(sealed + ".torn") == tail.substr(whole.size()));
  }
}

TEST_CASE("a file with nothing but a torn line leaves only that") {
  Setup setup;
  setup.open();
  setup.put("current.ndjson", "{\"half");
  setup.open();
  CHECK(setup.files() == Names{"current.ndjson"});
  CHECK(names_in(setup.directory, ".torn").size() == 1);
}

TEST_CASE("torn tails take no room from events") {
  Setup setup;
  const Batch batch = numbered_batch("a", 1);
  const FileSinkOptions options{.rotate_bytes = batch.bytes(),
                                .max_total_bytes = batch.bytes() * 2};
  setup.open(options);
  for (int i = 0; i < 3; ++i) {
    setup.put("current.ndjson", std::string(batch.bytes(), 'x'));
    setup.open(options);
  }
  CHECK(names_in(setup.directory, ".torn").size() == 3);
  setup.put("current.ndjson", std::string(batch.bytes(), 'x'));
  const auto sink = setup.open(options);
  for (int i = 0; i < 2; ++i) write(*sink, batch);
  CHECK(error_of([&] { write(*sink, batch); }).kind() == Error::unavailable);
  CHECK(names_in(setup.directory, ".torn").size() == 4);
}

TEST_CASE("a file that is full is sealed and a new one begun") {
  Setup setup;
  const Batch batch = numbered_batch("a", 1);
  auto sink = setup.open({.rotate_bytes = batch.bytes() * 2});
  for (int i = 0; i < 5; ++i) write(*sink, batch);
  CHECK(setup.files() == Names{"0000000001-20300101T000000Z.ndjson",
                               "0000000002-20300101T000000Z.ndjson", "current.ndjson"});
  CHECK(setup.content("current.ndjson") == batch.ndjson());
}

TEST_CASE("a batch larger than a file may be goes into one file all the same") {
  Setup setup;
  auto sink = setup.open({.rotate_bytes = 1});
  const Batch batch = numbered_batch("a", 3);
  write(*sink, batch);
  CHECK(setup.content("current.ndjson") == batch.ndjson());
}

TEST_CASE("a file that is old is sealed by maintain, without an event") {
  Setup setup;
  auto sink = setup.open({.rotate_age = std::chrono::minutes{1}});
  setup.clock.advance(std::chrono::hours{1});
  sink->maintain();
  CHECK(setup.files() == Names{"current.ndjson"});
  write(*sink, numbered_batch("a", 1));
  setup.clock.advance(std::chrono::seconds{59});
  sink->maintain();
  CHECK(setup.files() == Names{"current.ndjson"});
  setup.clock.advance(std::chrono::seconds{1});
  sink->maintain();
  CHECK(setup.files() == Names{"0000000001-20300101T010100Z.ndjson", "current.ndjson"});
}

TEST_CASE("sequence numbers go on where the files end") {
  Setup setup;
  setup.open();
  setup.put("0000000041-20291231T000000Z.ndjson", "{}\n");
  setup.put("readme.txt", "not ours");
  write(*setup.open(), numbered_batch("a", 1));
  setup.open();
  CHECK(setup.files().at(1) == "0000000042-20300101T000000Z.ndjson");
}

TEST_CASE("parent directories are made") {
  Setup setup;
  setup.directory = setup.root.path("a/b/c/");
  write(*setup.open(), numbered_batch("a", 1));
  CHECK(setup.files() == Names{"current.ndjson"});
}

TEST_CASE("a directory has one writer") {
  Setup setup;
  auto first = setup.open();
  const Error error = error_of([&] { setup.open(); });
  CHECK(error.kind() == Error::misconfigured);
  CHECK(std::string{error.what()}.find("in use by another writer") != std::string::npos);
  first.reset();
  setup.open();
}

TEST_CASE("what is no directory is rejected by name") {
  Setup setup;
  std::ofstream{setup.directory} << "a file";
  const Error error = error_of([&] { setup.open(); });
  CHECK(error.kind() == Error::misconfigured);
  CHECK(std::string{error.what()}.find("is not a directory") != std::string::npos);
}

TEST_CASE("at max_total_bytes nothing is written until files are taken away") {
  Setup setup;
  const Batch batch = numbered_batch("a", 1);
  auto sink = setup.open({.rotate_bytes = batch.bytes(), .max_total_bytes = batch.bytes() * 2});
  write(*sink, batch);
  write(*sink, batch);
  const Error error = error_of([&] { write(*sink, batch); });
  CHECK(error.kind() == Error::unavailable);
  CHECK(std::string{error.what()}.find("max_total_bytes") != std::string::npos);
  std::filesystem::remove(setup.directory + "/" + setup.files().front());
  write(*sink, batch);
}

TEST_CASE("with remove_oldest the oldest files go at max_total_bytes, and are named") {
  Setup setup;
  const Batch batch = numbered_batch("a", 1);
  std::vector<std::pair<std::string, std::uint64_t>> removed;
  const FileSinkOptions options{.max_total_bytes = batch.bytes() * 16,
                                .remove_oldest = true,
                                .on_removed = [&](const std::string& name, std::uint64_t bytes) {
                                  removed.emplace_back(name, bytes);
                                }};
  auto sink = setup.open(options);
  for (int i = 0; i < 16; ++i) write(*sink, batch);
  CHECK(removed.empty());
  CHECK(setup.files().size() == 8);  // each an eighth of all
  write(*sink, batch);
  const std::string oldest = "0000000001-20300101T000000Z.ndjson";
  REQUIRE(removed.size() == 1);
  CHECK(removed[0] == std::pair{oldest, std::uint64_t{2 * batch.bytes()}});
  CHECK(setup.files().front() == "0000000002-20300101T000000Z.ndjson");
  CHECK(setup.content("current.ndjson") == batch.ndjson());

  // Large batches, and a start with a lower limit, take as many as it needs.
  write(*sink, numbered_batch("a", 8));
  CHECK(removed.size() == 5);
  sink.reset();
  FileSinkOptions lower = options;
  lower.max_total_bytes = batch.bytes() * 9;
  sink = setup.open(lower);
  sink->maintain();
  CHECK(removed.size() == 8);

  // For a batch that will never fit nothing goes.
  const Names before = setup.files();
  CHECK(error_of([&] { write(*sink, numbered_batch("a", 12)); }).kind() == Error::unavailable);
  CHECK(setup.files() == before);
  write(*sink, batch);
}

TEST_CASE("a file that somebody has removed is noticed, and another one begun") {
  Setup setup;
  auto sink = setup.open();
  const Batch batch = numbered_batch("a", 1);
  write(*sink, batch);
  std::filesystem::remove(setup.directory + "/current.ndjson");
  CHECK(error_of([&] { write(*sink, batch); }).kind() == Error::unavailable);
  write(*sink, batch);
  CHECK(setup.content("current.ndjson") == batch.ndjson());
}

TEST_CASE("without its directory, or with another in its place, a sink stores nothing") {
  Setup setup;
  auto sink = setup.open();
  const Batch batch = numbered_batch("a", 1);
  std::filesystem::rename(setup.directory, setup.directory + "-away");
  CHECK(error_of([&] { write(*sink, batch); }).kind() == Error::unavailable);
  CHECK_THROWS_AS(write(*sink, batch), Error);
  std::filesystem::create_directory(setup.directory);
  const Error error = error_of([&] { write(*sink, batch); });
  CHECK(error.kind() == Error::misconfigured);
  CHECK(std::string{error.what()}.find("removed or replaced") != std::string::npos);
  CHECK_THROWS_AS(sink->maintain(), Error);
  CHECK(setup.files().empty());
}

TEST_CASE("after a write that met the limit of a file's size nothing of it is left") {
  Setup setup;
  auto sink = setup.open();
  const Batch small = numbered_batch("small", 1);
  const Batch large = numbered_batch("large", 100);
  write(*sink, small);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{small.bytes() + 1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  const Error error = error_of([&] { write(*sink, large); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(error.kind() == Error::unavailable);
  write(*sink, large);
  CHECK(setup.files() == Names{"0000000001-20300101T000000Z.ndjson", "current.ndjson"});
  CHECK(setup.content("0000000001-20300101T000000Z.ndjson") == small.ndjson());
  CHECK(setup.content("current.ndjson") == large.ndjson());
}

TEST_CASE("file: URLs are read strictly") {
  Setup setup;
  open_sink("file:" + setup.directory + "?rotate_bytes=1MiB&rotate_age=5m&max_total_bytes=1GiB");
  open_sink("file://" + setup.directory);
  const std::string wrong[] = {"file:",
                               "file://host/x",
                               "file:" + setup.directory + "?rotate=1",
                               "file:x?rotate_bytes=1MB",
                               "file:x?rotate_age=60",
                               "file:x?remove_oldest=1",
                               "file:x?rotate_bytes=1&rotate_bytes=2"};
  for (const std::string& url : wrong) {
    CAPTURE(url);
    CHECK_THROWS_AS(open_sink(url), ConfigError);
  }
}

}  // namespace eventcollect::test
