#include "eventcollect/file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <random>

#include "eventcollect/open.hpp"
#include "support/directory.hpp"
#include "support/events.hpp"
#include "support/notices.hpp"
#include "support/seed.hpp"
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
  // Leaves a current file as a killed process does, and starts.
  void start_after_crash(const std::string& left) {
    std::filesystem::create_directories(directory);
    put("current.ndjson", left);
    open();
  }
};

constexpr const char* first_sealed = "0000000001-20300101T000000Z.ndjson";

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

TEST_CASE("a stop seals the current file, so that another process gets all of it") {
  Setup setup;
  const Batch batch = numbered_batch("a", 2);
  write(*setup.open(), batch);
  CHECK(setup.files() == Names{first_sealed});
  CHECK(setup.content(first_sealed) == batch.ndjson());
  FileSource source{setup.directory, {.follow = false}};
  Delivery delivery;
  while (source.read(delivery, {})) {
  }
  CHECK(delivery.batch.size() == 2);
}

TEST_CASE("a start seals what a crash left") {
  Setup setup;
  const std::string lines{numbered_batch("a", 2).ndjson()};
  std::filesystem::create_directories(setup.directory);
  setup.put("current.ndjson", lines);
  auto sink = setup.open();
  CHECK(setup.files() == Names{first_sealed, "current.ndjson"});
  CHECK(setup.content(first_sealed) == lines);
  CHECK(setup.content("current.ndjson").empty());
}

TEST_CASE("a run without an event leaves no file behind") {
  Setup setup;
  for (int i = 0; i < 3; ++i) setup.open();
  CHECK(setup.files().empty());
}

TEST_CASE("a torn line is cut off and kept beside") {
  const std::string whole{numbered_batch("a", 1).ndjson()};
  const std::string tails[] = {R"({"event_id":"0193)",
                               std::string(4, '\0'),
                               R"({"a":"}{)",
                               "{\"a\":[{}",
                               whole.substr(0, 50) + std::string(7, '\0'),
                               R"({"a":"\"}{\\)",
                               whole.substr(0, whole.size() - 1)};
  for (const std::string& tail : tails) {
    CAPTURE(tail);
    Setup setup;
    const Notices notices;
    setup.start_after_crash(whole + tail);
    CHECK(setup.content(first_sealed) == whole);
    CHECK(setup.content(std::string{first_sealed} + ".torn") == tail);
    CHECK(names_in(setup.directory, ".damaged").empty());
    CHECK(notices.all().empty());
  }
}

TEST_CASE("damaged lines alone are set aside, whatever stands around them, and a notice says so") {
  const std::string whole{numbered_batch("a", 2).ndjson()};
  const std::string damages[] = {"not json\n",           "[1]\n",
                                 "{\"a\":\"\xff\"}\n",   "{\"a\":\"\x01\"}\n",
                                 "{\"a\":1}{\"a\":2}\n", std::string(9, '\0') + "\n"};
  const std::string torn_lines[] = {"", "{\"half"};
  for (const std::string& damage : damages) {
    for (const std::string& torn : torn_lines) {
      CAPTURE(damage);
      CAPTURE(torn);
      Setup setup;
      const Notices notices;
      setup.start_after_crash(whole + damage + whole + damage + whole + torn);
      // Blank lines, so that what a cursor points to stays where it is.
      const std::string blank(damage.size(), '\n');
      CHECK(setup.content(first_sealed) == whole + blank + whole + blank + whole);
      CHECK(setup.content(std::string{first_sealed} + ".damaged") == damage + damage);
      CHECK(names_in(setup.directory, ".torn").size() == (torn.empty() ? 0 : 1));
      REQUIRE(notices.all().size() == 1);
      const std::string bytes = std::to_string(2 * damage.size()) + " bytes";
      CHECK(notices.all().front().find(bytes) != std::string::npos);
      CHECK(notices.all().front().find("6 whole lines") != std::string::npos);
      CHECK(notices.all().front().find(".damaged") != std::string::npos);
    }
  }
}

TEST_CASE("a last line without its line feed is damaged, not torn, if more follows its object") {
  const std::string tails[] = {"{\"a\":1}x", "{\"a\":1} {\"b\"", "{\"a\":[1]}]", "\"a\":1}", "x"};
  for (const std::string& tail : tails) {
    CAPTURE(tail);
    Setup setup;
    const Notices notices;
    setup.start_after_crash("{\"n\":1}\n" + tail);
    CHECK(setup.content(std::string{first_sealed} + ".damaged") == tail);
    CHECK(names_in(setup.directory, ".torn").empty());
    CHECK(notices.all().size() == 1);
  }
}

TEST_CASE("one flipped bit costs at most the two lines that it is between") {
  const Batch batch = numbered_batch("a", 20);
  const std::string text{batch.ndjson()};
  std::mt19937_64 random{seed()};
  for (int round = 0; round < 200; ++round) {
    const Notices notices;
    std::string left = text;
    const std::size_t at = random() % left.size();
    left[at] = static_cast<char>(left[at] ^ (1 << random() % 8));
    CAPTURE(at);
    Setup setup;
    setup.start_after_crash(left);
    std::size_t kept = 0;
    for (const std::string& line : lines_of(setup.content(first_sealed))) {
      if (!line.empty() && text.find(line + '\n') != std::string::npos) ++kept;
    }
    CHECK(kept >= 18);
    CHECK(names_in(setup.directory, ".torn").empty());
  }
}

TEST_CASE("a line longer than any of ours is damaged, and the lines around it are kept") {
  Setup setup;
  const Notices notices;
  const std::string whole{numbered_batch("a", 1).ndjson()};
  const std::string too_long(std::size_t{18} << 20, 'x');
  setup.start_after_crash(whole + too_long + "\n" + whole);
  CHECK(setup.content(first_sealed) == whole + std::string(too_long.size() + 1, '\n') + whole);
  CHECK(setup.content(std::string{first_sealed} + ".damaged") == too_long + "\n");
}

TEST_CASE("a file with nothing but a torn line leaves only that") {
  Setup setup;
  setup.start_after_crash("{\"half");
  CHECK(setup.files().empty());
  CHECK(names_in(setup.directory, ".torn").size() == 1);
}

TEST_CASE("torn lines take no room from events") {
  Setup setup;
  const Batch batch = numbered_batch("a", 1);
  const FileSinkOptions options{.rotate_bytes = batch.bytes(),
                                .max_total_bytes = batch.bytes() * 2};
  const std::string torn = '{' + std::string(batch.bytes(), 'x');
  for (int i = 0; i < 3; ++i) setup.start_after_crash(torn);
  CHECK(names_in(setup.directory, ".torn").size() == 3);
  setup.put("current.ndjson", torn);
  const auto sink = setup.open(options);
  for (int i = 0; i < 2; ++i) write(*sink, batch);
  CHECK(error_of([&] { write(*sink, batch); }).kind() == Error::unavailable);
  CHECK(names_in(setup.directory, ".torn").size() == 4);
}

TEST_CASE("a symbolic link in the directory is rejected, and what it points to is left alone") {
  for (const char* name : {"current.ndjson", ".lock"}) {
    for (const bool dangles : {false, true}) {
      CAPTURE(name);
      CAPTURE(dangles);
      Setup setup;
      std::filesystem::create_directory(setup.directory);
      const std::string target = setup.root.path("target");
      if (!dangles) write_file(target, "precious");
      std::filesystem::create_symlink(target, setup.directory + "/" + name);
      const Error error = error_of([&] { setup.open(); });
      CHECK(std::string{error.what()}.find("it is a symbolic link") != std::string::npos);
      CHECK(std::filesystem::exists(target) != dangles);
      if (!dangles) CHECK(read_file(target) == "precious");
    }
  }
}

TEST_CASE("no file gets the number of a standard stream that is closed") {
  Setup setup;
  const int kept = dup(STDIN_FILENO);
  close(STDIN_FILENO);
  {
    const auto sink = setup.open();
    write(*sink, numbered_batch("a", 1));
    CHECK(fcntl(STDIN_FILENO, F_GETFD) < 0);
  }
  dup2(kept, STDIN_FILENO);
  close(kept);
}

TEST_CASE("a cursor is not written through a symbolic link") {
  for (const char* name : {"reader.cursor.new", "reader.cursor", ".reader.lock"}) {
    CAPTURE(name);
    Setup setup;
    std::filesystem::create_directory(setup.directory);
    const std::string target = setup.root.path("target");
    write_file(target, "precious");
    std::filesystem::create_symlink(target, setup.directory + "/" + name);
    CHECK_THROWS_AS(FileSource{setup.directory}, Error);
    CHECK(read_file(target) == "precious");
  }
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

TEST_CASE("a file goes on getting older when the clock steps back") {
  Setup setup;
  auto sink = setup.open({.rotate_age = std::chrono::minutes{1}});
  write(*sink, numbered_batch("a", 1));
  setup.clock.advance(std::chrono::seconds{30});
  sink->maintain();
  setup.clock.advance(-std::chrono::hours{24 * 365});
  sink->maintain();
  CHECK(setup.files() == Names{"current.ndjson"});
  setup.clock.advance(std::chrono::seconds{30});
  sink->maintain();
  CHECK(setup.files().size() == 2);
}

TEST_CASE("sequence numbers go on where the files end") {
  Setup setup;
  std::filesystem::create_directory(setup.directory);
  setup.put("0000000041-20291231T000000Z.ndjson", "{}\n");
  setup.put("readme.txt", "not ours");
  write(*setup.open(), numbered_batch("a", 1));
  CHECK(setup.files().at(1) == "0000000042-20300101T000000Z.ndjson");
}

TEST_CASE("parent directories are made") {
  Setup setup;
  setup.directory = setup.root.path("a/b/c/");
  const auto sink = setup.open();
  write(*sink, numbered_batch("a", 1));
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

TEST_CASE("a stop touches no file of a sink that has taken the directory's place") {
  for (const bool has_events : {false, true}) {
    CAPTURE(has_events);
    Setup setup;
    auto old = setup.open();
    if (has_events) write(*old, numbered_batch("old", 1));
    std::filesystem::rename(setup.directory, setup.root.path("moved"));
    const auto other = setup.open();
    write(*other, numbered_batch("new", 1));
    const std::string before = setup.content("current.ndjson");
    old.reset();
    CHECK(setup.files() == Names{"current.ndjson"});
    CHECK(setup.content("current.ndjson") == before);
  }
}

TEST_CASE("a child of fork leaves the files to its parent") {
  Setup setup;
  auto sink = setup.open();
  const pid_t child = ::fork();
  if (child == 0) {
    sink.reset();
    ::_exit(0);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  write(*sink, numbered_batch("kept", 1));
  CHECK(setup.files() == Names{"current.ndjson"});
  CHECK(setup.content("current.ndjson").find("kept") != std::string::npos);
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
