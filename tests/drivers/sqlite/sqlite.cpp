#include "eventcollect/sqlite.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <latch>
#include <random>
#include <set>
#include <thread>

#include "contract/sink_contract.hpp"
#include "eventcollect/drivers.hpp"
#include "eventcollect/open.hpp"
#include "support/events.hpp"
#include "support/seed.hpp"
#include "support/sqlite_database.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;

// The stored lines, made of the columns again.
std::vector<std::string> lines_after_a_kill(const std::string& file) {
  constexpr auto milliseconds = "cast(round((julianday({0}) - 2440587.5) * 86400000.0) AS INTEGER)";
  return after_a_kill(
      file,
      "SELECT '{\"event_id\":\"' || event_id || '\",\"event\":' || json_quote(event) || "
      "iif(url IS NULL, '', ',\"url\":' || json_quote(url)) || ',\"properties\":' || properties || "
      "',\"server_time\":' || " +
          fmt::format(fmt::runtime(milliseconds), "server_time") + " || ',\"event_time\":' || " +
          fmt::format(fmt::runtime(milliseconds), "event_time") +
          " || '}' FROM events ORDER BY rowid");
}

class SqliteBench final : public Bench {
 public:
  std::shared_ptr<Sink> open() override { return open_sink("sqlite:" + file_); }
  std::vector<std::string> durable_lines() override { return lines_after_a_kill(file_); }
  bool is_idempotent() const override { return true; }

 private:
  TemporaryDirectory directory_;
  std::string file_ = directory_.path("events.db");
};

std::string config_error_of(const std::string& url) {
  try {
    open_sink(url);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("the sqlite sink keeps the contract") {
  enable_sqlite();
  SqliteBench bench;
  CHECK(fmt::format("{}", fmt::join(violations(bench), "; ")) == "");
}

TEST_CASE("the drivers bring the sqlite sink") {
  register_sink("sqlite", [](const Url&) -> std::shared_ptr<Sink> { return nullptr; });
  enable_drivers();
  CHECK(open_sink("sqlite:events.db") != nullptr);
}

TEST_CASE("a sqlite url says what is wrong with it") {
  enable_sqlite();
  CHECK(config_error_of("sqlite:a.db?tables=x").find("table") != std::string::npos);
  CHECK(config_error_of("sqlite:a.db?create=yes").find("neither on nor off") != std::string::npos);
  CHECK(config_error_of("sqlite:a.db?timeout=0").find("timeout") != std::string::npos);
  CHECK(config_error_of("sqlite:a.db?table=").find("table") != std::string::npos);
  CHECK(config_error_of("sqlite:a.db?table=sqlite_x").find("SQLite's own") != std::string::npos);
  CHECK(config_error_of("sqlite://host/a.db").find("sqlite:FILE") != std::string::npos);
  CHECK(config_error_of("sqlite:").find("file") != std::string::npos);
  CHECK(config_error_of("sqlite::memory:").find("file") != std::string::npos);
}

TEST_CASE("nothing is opened before it is needed") {
  const TemporaryDirectory directory;
  SqliteSink sink{directory.path("events.db")};
  CHECK(names_in(directory.path(), "").empty());
  sink.maintain();
  CHECK(Database{directory.path("events.db")}.value("SELECT count(*) FROM events") == "0");
}

TEST_CASE("a stored event reads well in the sqlite3 shell") {
  const TemporaryDirectory directory;
  SqliteSink sink{directory.path("events.db")};
  Batch batch;
  batch.append({.id = *Uuid::parse("0193fe00-0000-7000-8000-00000000ABCD"),
                .name = "a \"name\"",
                .url = "https://example.com/?ü",
                .properties = R"({"plan":"pro"})",
                .server_time = from_milliseconds(1'795'454'100'123),
                .event_time = from_milliseconds(951'782'399'999),
                .client_time = from_milliseconds(0),
                .sent_time = latest_time,
                .context = R"({"ip":"192.0.2.0"})",
                .violations = "[]",
                .line = "{}"});
  batch.append({.id = *Uuid::parse("0193fe00-0000-7000-8000-00000000abce"),
                .name = "bare",
                .properties = "{}",
                .server_time = from_milliseconds(1'795'454'100'123),
                .event_time = from_milliseconds(1'795'454'100'124),
                .line = "{}"});
  write(sink, batch);
  Database database{directory.path("events.db")};
  const auto rows = database.query("SELECT * FROM events");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0] ==
        "0193fe00-0000-7000-8000-00000000abcd|2026-11-23 17:15:00.123|2000-02-28 23:59:59.999|"
        R"(a "name"|https://example.com/?ü|{"plan":"pro"}|{"ip":"192.0.2.0"}|)"
        "1970-01-01 00:00:00.000|9999-12-31 23:59:59.999|[]");
  CHECK(rows[1] ==
        "0193fe00-0000-7000-8000-00000000abce|2026-11-23 17:15:00.123|2026-11-23 17:15:00.124|"
        "bare|NULL|{}|NULL|NULL|NULL|NULL");
  CHECK(database.value("SELECT date(server_time) || (properties->>'$.plan') FROM events "
                       "WHERE server_time > datetime('2026-11-23 18:15:00', '-1 hour') "
                       "AND event_time < '2020'") == "2026-11-23pro");
}

TEST_CASE("an event that comes again is there once, as it came first") {
  const TemporaryDirectory directory;
  SqliteSink sink{directory.path("events.db")};
  const std::string id = "0193fe00-0000-7000-8000-000000000001";
  const auto event = [&](const std::string& name) {
    return fmt::format(R"({{"event":"{}","event_id":"{}"}})", name, id);
  };
  write(sink, batch_of({event("first"), event("second"), event_named("other")}));
  write(sink, batch_of({event("third")}));
  Database database{directory.path("events.db")};
  CHECK(database.query("SELECT event FROM events ORDER BY rowid") ==
        std::vector<std::string>{"first", "other"});
}

TEST_CASE("a table of one's own keeps its name, columns and triggers") {
  const TemporaryDirectory directory;
  const std::string file = directory.path("site.db");
  Database database{file};
  database.run(R"(
      CREATE TABLE "My ""Events""" (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL DEFAULT 'us',
        EVENT_ID TEXT UNIQUE, server_time TEXT, event_time TEXT, event VARCHAR(128), url TEXT,
        properties TEXT, plan TEXT GENERATED ALWAYS AS (properties->>'$.plan'), context TEXT,
        client_time TEXT, sent_time TEXT, violations TEXT);
      CREATE TABLE seen (event TEXT);
      CREATE TRIGGER see AFTER INSERT ON "My ""Events""" BEGIN
        INSERT INTO seen VALUES (new.event); END;)");
  SqliteSink sink{file, {.table = "My \"Events\"", .create = false}};
  write(sink, batch_of({R"({"event":"paid","properties":{"plan":"pro"}})"}));
  CHECK(database.query("SELECT id, tenant, event, plan FROM \"My \"\"Events\"\"\"") ==
        std::vector<std::string>{"1|us|paid|pro"});
  CHECK(database.value("SELECT event FROM seen") == "paid");
}

TEST_CASE("several sinks open and fill one new file at once") {
  constexpr int writers = 4;
  constexpr int batches = 5;
  for (int round = 0; round < 25; ++round) {
    const TemporaryDirectory directory;
    const std::string file = directory.path("events.db");
    std::atomic<int> failures = 0;
    std::latch all_ready{writers};
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer) {
      threads.emplace_back([&, writer] {
        SqliteSink sink{file, {.timeout = 60s}};
        all_ready.arrive_and_wait();
        try {
          for (int i = 0; i < batches; ++i) {
            test::write(sink, numbered_batch(fmt::format("{}-{}-", writer, i), 5));
          }
        } catch (const Error& error) {
          fmt::print("{}\n", error.what());
          ++failures;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    REQUIRE(failures == 0);
    CHECK(Database{file}.value("SELECT count(DISTINCT event) FROM events") ==
          std::to_string(writers * batches * 5));
  }
}

// A process that writes batches of ten and says through a pipe which were acknowledged.
class Writer {
 public:
  Writer(const std::string& file, int first) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    std::fflush(stdout);  // else the child may print it again
    process_ = fork();
    REQUIRE(process_ >= 0);
    if (process_ == 0) {
      close(ends[0]);
      write_until_killed(file, first, ends[1]);
    }
    close(ends[1]);
    output_ = ends[0];
  }
  ~Writer() { close(output_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // The next acknowledged number; false at the end.
  bool read_number(int& number) const {
    return read(output_, &number, sizeof(number)) == static_cast<ssize_t>(sizeof(number));
  }

  void kill_it() const {
    REQUIRE(kill(process_, SIGKILL) == 0);
    REQUIRE(waitpid(process_, nullptr, 0) == process_);
  }

 private:
  [[noreturn]] static void write_until_killed(const std::string& file, int first, int output) {
    try {
      SqliteSink sink{file};
      for (int number = first;; ++number) {
        test::write(sink, numbered_batch(fmt::format("{}-", number), 10));
        if (::write(output, &number, sizeof(number)) != sizeof(number)) break;
      }
    } catch (...) {
    }
    _exit(1);
  }

  pid_t process_ = -1;
  int output_ = -1;
};

TEST_CASE("a kill of the writing process loses nothing acknowledged and leaves whole batches") {
  std::mt19937_64 random{seed()};
  const TemporaryDirectory directory;
  const std::string file = directory.path("events.db");
  std::set<int> acknowledged;
  int first = 0;
  for (int round = 0; round < 15; ++round) {
    const Writer writer{file, first};
    int number = 0;
    for (std::uint64_t left = random() % 40 + 1; left > 0; --left) {
      REQUIRE(writer.read_number(number));
      acknowledged.insert(number);
    }
    // A random instant of the next write is the point: no condition stops the child in the middle.
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 2'000});
    writer.kill_it();
    while (writer.read_number(number)) acknowledged.insert(number);
    first = *acknowledged.rbegin() + 2;
  }
  const auto rows = Database{file}.query(
      "SELECT cast(event AS INTEGER), count(*) FROM events GROUP BY 1 ORDER BY 1");
  std::size_t found = 0;
  for (const std::string& row : rows) {
    CHECK(row.ends_with("|10"));
    found += acknowledged.count(std::stoi(row));
  }
  CHECK(found == acknowledged.size());
  CHECK(rows.size() <= acknowledged.size() + 15);
}

TEST_CASE(
    "the files of a new database have the mode of other files, one that exists keeps its own") {
  namespace fs = std::filesystem;
  TemporaryDirectory directory;
  const std::string file = directory.path("events.db");
  const mode_t before = umask(0);
  const auto mode_of = [&](const std::string& suffix) {
    return static_cast<unsigned>(fs::status(file + suffix).permissions());
  };
  {
    const auto sink = open_sink("sqlite:" + file);
    write(*sink, numbered_batch("a", 1));
    for (const char* suffix : {"", "-wal", "-shm"}) {
      CAPTURE(suffix);
      CHECK(mode_of(suffix) == 0640);
    }
  }
  fs::permissions(file, fs::perms{0604});
  write(*open_sink("sqlite:" + file), numbered_batch("b", 1));
  CHECK(mode_of("") == 0604);
  umask(before);
}

}  // namespace eventcollect::test
