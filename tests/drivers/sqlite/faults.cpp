// The sqlite sink where an event, the table, the file or the disk is not as it should be.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>

#include "eventcollect/sqlite.hpp"
#include "support/events.hpp"
#include "support/sqlite_database.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;

struct Outcome {
  std::optional<Error::Kind> kind{};  // nothing: it went well
  std::string message{};
};

Outcome outcome_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string text_of(const Batch& batch, const Rejections& rejections) {
  std::string text;
  for (const Rejection& rejection : rejections) {
    text += fmt::format("{}: {}\n", batch[rejection.index].name, rejection.message);
  }
  return text;
}

// The table of the sink's own, in a database that a test may spoil.
struct Spoiled {
  TemporaryDirectory directory{};
  std::string file = directory.path("events.db");

  explicit Spoiled(const std::string& sql) {
    SqliteSink{file}.maintain();
    Database{file}.run(sql);
  }
  std::string count() const { return Database{file}.value("SELECT count(*) FROM events"); }
};

constexpr auto no_such_table = "DROP TABLE events";

}  // namespace

TEST_CASE("a poison event among 10,000 is rejected alone, with SQLite's message") {
  const Spoiled store{R"(
      ALTER TABLE events ADD COLUMN tenant TEXT NOT NULL DEFAULT 'us';
      CREATE UNIQUE INDEX one_of_each ON events (event);
      CREATE TRIGGER no_spam BEFORE INSERT ON events WHEN new.event = 'spam' BEGIN
        SELECT RAISE(ABORT, 'no spam here'); END;
      CREATE TRIGGER no_giant BEFORE INSERT ON events WHEN new.event = 'giant' BEGIN
        SELECT zeroblob(2000000000); END;)"};
  SqliteSink sink{store.file};
  std::vector<std::string> texts;
  for (int i = 0; i < 10'000; ++i) texts.push_back(event_named(fmt::format("event{}", i)));
  texts[1] = event_named("spam");
  texts[5'000] = event_named("event7");
  texts[7'777] = event_named("giant");
  texts[9'999] = event_named("spam");
  const Batch batch = batch_of(texts);
  const Rejections rejections = write(sink, batch);
  CHECK(text_of(batch, rejections) ==
        "spam: no spam here\nevent7: UNIQUE constraint failed: events.event\n"
        "giant: string or blob too big\nspam: no spam here\n");
  CHECK(store.count() == "9996");
}

TEST_CASE("a table that rolls whole batches back is no fault of the event") {
  const Spoiled store{R"(
      CREATE TRIGGER no_spam BEFORE INSERT ON events WHEN new.event = 'spam' BEGIN
        SELECT RAISE(ROLLBACK, 'no spam here'); END;)"};
  SqliteSink sink{store.file};
  const Batch batch = batch_of({event_named("a"), event_named("spam"), event_named("b")});
  const Outcome outcome = outcome_of([&] { write(sink, batch); });
  CHECK(outcome.kind == Error::misconfigured);
  CHECK(contains(outcome.message, "no spam here"));
  CHECK(store.count() == "0");
  write(sink, batch_of({event_named("c")}));
  CHECK(store.count() == "1");
}

TEST_CASE("a table that does not fit is named, and nothing is rejected") {
  struct Case {
    const char* sql;
    const char* message;
  };
  const Case cases[] = {
      {"ALTER TABLE events DROP COLUMN violations", "has no column violations"},
      {"ALTER TABLE events RENAME COLUMN url TO address", "has no column url"},
      {"ALTER TABLE events ADD COLUMN tenant TEXT NOT NULL DEFAULT 'x'; CREATE TABLE copy AS "
       "SELECT * FROM events; DROP TABLE events; ALTER TABLE copy RENAME TO events",
       "PRIMARY KEY or UNIQUE"},
      {"CREATE TABLE other (event_id TEXT PRIMARY KEY, server_time, event_time, event, url, "
       "properties, context, client_time, sent_time, violations, tenant TEXT NOT NULL); "
       "DROP TABLE events; ALTER TABLE other RENAME TO events",
       "tenant of the table events is NOT NULL"},
      {"ALTER TABLE events RENAME TO t; CREATE VIEW events AS SELECT * FROM t", "view"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.sql);
    const Spoiled store{one.sql};
    SqliteSink sink{store.file};
    const Batch batch = numbered_batch("e", 3);
    for (const Outcome& outcome :
         {outcome_of([&] { write(sink, batch); }), outcome_of([&] { sink.maintain(); })}) {
      CAPTURE(outcome.message);
      CHECK(outcome.kind == Error::misconfigured);
      CHECK(contains(outcome.message, one.message));
      CHECK(contains(outcome.message, store.file));
    }
  }
}

TEST_CASE("with create=off neither a table nor a file is made") {
  const Spoiled store{no_such_table};
  SqliteSink sink{store.file, {.create = false}};
  const Outcome outcome = outcome_of([&] { sink.maintain(); });
  CHECK(outcome.kind == Error::misconfigured);
  CHECK(contains(outcome.message, "no table events"));

  SqliteSink nowhere{store.directory.path("other.db"), {.create = false}};
  CHECK(outcome_of([&] { nowhere.maintain(); }).kind == Error::misconfigured);
  CHECK_FALSE(std::filesystem::exists(store.directory.path("other.db")));

  SqliteSink{store.file}.maintain();
  sink.maintain();
}

TEST_CASE("a column that goes away while the sink runs stops it until it is back") {
  const Spoiled store{""};
  SqliteSink sink{store.file};
  write(sink, numbered_batch("before", 1));
  Database{store.file}.run("ALTER TABLE events DROP COLUMN sent_time");
  const Batch batch = numbered_batch("during", 3);
  CHECK(outcome_of([&] { write(sink, batch); }).kind == Error::misconfigured);
  CHECK(contains(outcome_of([&] { sink.maintain(); }).message, "has no column sent_time"));
  Database{store.file}.run("ALTER TABLE events ADD COLUMN sent_time TEXT");
  sink.maintain();
  write(sink, batch);
  CHECK(store.count() == "4");
}

TEST_CASE("a database that another writer keeps is unavailable, and available after that") {
  const Spoiled store{""};
  SqliteSink sink{store.file, {.timeout = 500ms}};
  const Batch batch = numbered_batch("e", 3);
  Database other{store.file};
  other.run("BEGIN IMMEDIATE");
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = outcome_of([&] { write(sink, batch); });
    CHECK(outcome.kind == Error::unavailable);
    CHECK(contains(outcome.message, "database is locked"));
    CHECK(outcome_of([&] { sink.maintain(); }).kind == Error::unavailable);
  }
  other.run("COMMIT");
  sink.maintain();
  write(sink, batch);
  CHECK(store.count() == "3");
}

TEST_CASE("a reader holds no write up") {
  const Spoiled store{""};
  SqliteSink sink{store.file};
  write(sink, numbered_batch("before", 1));
  Database reader{store.file};
  reader.run("BEGIN");
  CHECK(reader.value("SELECT count(*) FROM events") == "1");
  write(sink, numbered_batch("during", 5'000));
  CHECK(reader.value("SELECT count(*) FROM events") == "1");
  reader.run("COMMIT");
  CHECK(reader.value("SELECT count(*) FROM events") == "5001");
}

TEST_CASE("a file that is no database, or a damaged one, has to be mended by somebody") {
  const TemporaryDirectory directory;
  const std::string file = directory.path("events.db");
  std::ofstream{file} << std::string(10'000, 'x');
  SqliteSink sink{file};
  const Outcome outcome = outcome_of([&] { write(sink, numbered_batch("e", 1)); });
  CHECK(outcome.kind == Error::misconfigured);
  CHECK(contains(outcome.message, "not a database"));

  const Spoiled store{"PRAGMA wal_checkpoint(TRUNCATE)"};
  {
    std::fstream damage{store.file, std::ios::in | std::ios::out | std::ios::binary};
    damage.seekp(100);
    damage << std::string(4'096, '\xff');
  }
  SqliteSink damaged{store.file};
  CHECK(outcome_of([&] { damaged.maintain(); }).kind == Error::misconfigured);
}

TEST_CASE("a directory that is missing is named") {
  const TemporaryDirectory directory;
  SqliteSink sink{directory.path("missing/events.db")};
  const Outcome outcome = outcome_of([&] { sink.maintain(); });
  CHECK(outcome.kind == Error::misconfigured);
  CHECK(contains(outcome.message, "missing/events.db"));
  std::filesystem::create_directory(directory.path("missing"));
  sink.maintain();
}

namespace {

// Runs `work` as a user whom file permissions concern, and says whether it was true.
bool holds_for_ordinary_user(const std::function<bool()>& work) {
  std::fflush(stdout);  // else the child may print it again
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    constexpr uid_t nobody = 65'534;
    if (geteuid() == 0 &&
        (setgroups(0, nullptr) != 0 || setgid(nobody) != 0 || setuid(nobody) != 0)) {
      _exit(2);
    }
    _exit(work() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("a read-only file or directory has to be mended by somebody") {
  const Spoiled store{""};
  const auto is_misconfigured = [&] {
    SqliteSink sink{store.file};
    return outcome_of([&] { sink.maintain(); }).kind == Error::misconfigured &&
           outcome_of([&] { write(sink, numbered_batch("e", 1)); }).kind == Error::misconfigured;
  };
  chmod(store.directory.path().c_str(), 0777);
  chmod(store.file.c_str(), 0444);
  CHECK(holds_for_ordinary_user(is_misconfigured));
  chmod(store.file.c_str(), 0666);
  chmod(store.directory.path().c_str(), 0555);
  CHECK(holds_for_ordinary_user(is_misconfigured));
  chmod(store.directory.path().c_str(), 0777);
  CHECK(holds_for_ordinary_user([&] { return !is_misconfigured(); }));
}

namespace {

// As if the disk were full for files over `bytes`: no file of this process grows beyond.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a disk that takes no more is unavailable or in doubt, and available after that") {
  const Spoiled store{""};
  const std::string log = store.file + "-wal";
  SqliteSink sink{store.file};
  write(sink, numbered_batch("before", 400));
  // Keeps the log as it is: what is written has to go behind it.
  Database reader{store.file};
  reader.run("BEGIN");
  CHECK(reader.value("SELECT count(*) FROM events") == "400");

  const Batch small = numbered_batch("small", 100);
  const Batch large = numbered_batch("large", 20'000);  // written in part before the commit
  {
    const FileSizeLimit full{std::filesystem::file_size(log)};
    CHECK(outcome_of([&] { write(sink, small); }).kind == Error::in_doubt);
    CHECK(outcome_of([&] { sink.maintain(); }).kind == Error::in_doubt);
    CHECK(outcome_of([&] { write(sink, large); }).kind == Error::unavailable);
    CHECK(outcome_of([&] { sink.maintain(); }).kind == Error::in_doubt);
    const std::string message = outcome_of([&] { sink.maintain(); }).message;
    CAPTURE(message);
    CHECK(contains(message, "cannot commit: disk I/O error"));
  }
  CHECK(store.count() == "400");
  sink.maintain();
  write(sink, small);
  write(sink, large);
  CHECK(after_a_kill(store.file, "SELECT count(*) FROM events") ==
        std::vector<std::string>{"20500"});
}

TEST_CASE("a file that was deleted or moved away is noticed") {
  const Spoiled store{""};
  SqliteSink sink{store.file};
  write(sink, numbered_batch("before", 1));
  std::filesystem::rename(store.file, store.directory.path("moved.db"));
  const Batch batch = numbered_batch("after", 3);
  const Outcome outcome = outcome_of([&] { write(sink, batch); });
  CHECK(outcome.kind.has_value());
  write(sink, batch);
  CHECK(store.count() == "3");

  std::filesystem::remove(store.file);
  sink.maintain();
  CHECK(store.count() == "0");
  write(sink, batch);
  CHECK(store.count() == "3");
}

}  // namespace eventcollect::test
