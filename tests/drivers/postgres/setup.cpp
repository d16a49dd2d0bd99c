// What the postgres sink says of URLs, tables and rights, and that it then rejects no event.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <thread>

#include "drivers/postgres/database.hpp"
#include "eventcollect/open.hpp"
#include "support/events.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

std::string config_failure(const std::string& url) {
  enable_postgres();
  return failure_of([&] { open_sink(url); });
}

// Checks that both write() and maintain() fail so, and that no event is blamed.
void check_failure(Sink& sink, std::string_view kind, std::string_view what) {
  const Batch batch = numbered_batch("n", 3);
  const std::string failures[] = {failure_of([&] { write(sink, batch); }),
                                  failure_of([&] { sink.maintain(); })};
  for (const std::string& failure : failures) {
    CAPTURE(failure);
    CHECK(failure.starts_with(std::string{kind} + ": postgres: "));
    CHECK(has(failure, what));
  }
}

// The same with a table that differs from ours by `change`, on an old and on a new connection.
void check_change(const std::string& server, const std::string& change, std::string_view what) {
  CAPTURE(change);
  Corner corner{server};
  const auto old = corner.open();
  old->maintain();
  corner.sql.run("ALTER TABLE " + corner.table + " " + change);
  CHECK(failure_of([&] { write(*old, numbered_batch("n", 3)); }) != "none");
  CHECK(corner.count() == 0);
  check_failure(*old, "misconfigured", what);
}

}  // namespace

TEST_CASE("a URL of Postgres with a fault is rejected without its password") {
  const std::pair<std::string, std::string> faults[] = {
      {"postgres://h/db?tabel=x", "has no option 'tabel'; it has: table, create, timeout"},
      {"postgres://h/db?client_encoding=LATIN1", "has no option 'client_encoding'"},
      {"postgres://h/db?create=yes", "'yes' is neither on nor off"},
      {"postgres://h/db?timeout=10", "option 'timeout'"},
      {"postgres://h/db?timeout=0", "timeout"},
      {"postgres://h/db?table=", "a table is NAME or SCHEMA.NAME"},
      {"postgres://h/db?table=.x", "an empty schema"},
      {"postgres://h/db?table=" + std::string(64, 't'), "at most 63 bytes"},
      {"postgres:db", "the URL looks like postgres://"},
      {"postgres://u:topsecret@h:1:2/db", "write @ as %40"},
      {"postgres://u:top@secret@h/db", "write @ as %40"},
      {"postgres://u:topsecret/x@h/db", "write @ as %40"},
      {"postgres://u:1/topsecret@h/db", "write @ as %40"},
      {"postgres://[u:topsecret/db", "postgres://user@host:port/database"},
      {"postgres://u%20password=topsecret@h/db", "write @ as %40"},
      {"postgres:///db?host=h%20password=topsecret", "write @ as %40"},
      {"postgres://u@h/db?pasword=topsecret", "has no option 'pasword'"},
  };
  for (const auto& fault : faults) {
    const std::string failure = config_failure(fault.first);
    CAPTURE(fault.first);
    CAPTURE(failure);
    CHECK(failure.starts_with("config: postgres: "));
    CHECK(has(failure, fault.second));
    CHECK_FALSE(has(failure, "secret"));
  }
}

TEST_CASE("a database may have @ in its name, where it is not part of a password") {
  for (const std::string url :
       {"postgres://127.0.0.1:1/a%40b", "postgres://u:p@127.0.0.1:1/a%40b"}) {
    CAPTURE(url);
    CHECK(config_failure(url) == "none");
  }
  for (const std::string connection :
       {"postgres://u:topsecret/x@h/db", "postgres://u:1/topsecret@h"}) {
    CAPTURE(connection);
    CHECK_THROWS_AS(PostgresSink{PostgresSinkOptions{.connection = connection}}, ConfigError);
  }
}

TEST_CASE("options that libpq knows are passed on") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create("ADD COLUMN writer text DEFAULT current_setting('application_name')");
  write(*corner.open(), numbered_batch("n", 1));
  write(*corner.open("&application_name=my%20app&connect_timeout=3&sslmode=prefer"),
        numbered_batch("m", 1));
  CHECK(corner.count("writer = 'eventcollect' AND event = 'n0'") == 1);
  CHECK(corner.count("writer = 'my app' AND event = 'm0'") == 1);
  std::string scheme = corner.url();
  write(*open_sink(scheme.replace(0, scheme.find(':'), "postgresql")), numbered_batch("o", 1));
  PostgresSink sink{{.connection = *server, .table = corner.table}};
  write(sink, numbered_batch("p", 1));
  CHECK(corner.count() == 4);
}

TEST_CASE("a wrong password is misconfigured, and no message shows it") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  std::string url = *server;
  url.replace(0, url.find('@'), "postgres://password_user:sesame");
  const auto sink = corner.open("", url);
  check_failure(*sink, "misconfigured", "password authentication failed");
  CHECK_FALSE(has(failure_of([&] { sink->maintain(); }), "sesame"));
  CHECK_FALSE(has(failure_of([&] { sink->maintain(); }), "LOCATION"));
}

TEST_CASE("a database that is not there is misconfigured, a server that is not unavailable") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  enable_postgres();
  const std::string place = server->substr(0, server->rfind('/'));
  check_failure(*open_sink(place + "/nowhere"), "misconfigured", "\"nowhere\" does not exist");
  check_failure(*open_sink("postgres://postgres:sesame@127.0.0.1:1/x"), "unavailable", "refused");
}

TEST_CASE("a table that is not there is made, unless create is off") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  const auto cautious = corner.open("&create=off");
  check_failure(*cautious, "misconfigured", "there is no table");
  corner.open()->maintain();
  CHECK(corner.count() == 0);
  write(*cautious, numbered_batch("n", 3));
  CHECK(corner.count() == 3);
}

TEST_CASE("names are taken as they are written") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.table = corner.schema + R"(.Odd%20"name'%5C)";
  write(*corner.open(), numbered_batch("n", 3));
  CHECK(corner.sql.value("SELECT count(*) FROM " + corner.schema + R"(."Odd ""name'\")") == "3");
}

TEST_CASE("many who make the table at once do not fail each other") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  for (int round = 0; round < 5; ++round) {
    Corner corner{*server};
    std::vector<std::thread> threads;
    std::atomic<int> failures = 0;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&corner, &failures, i] {
        const auto sink = corner.open();
        const auto failure = failure_of([&] {
          if (sink->begin("object" + std::to_string(i), "") == LoadStart::begun) sink->commit();
          write(*sink, numbered_batch("n", 3));
        });
        if (failure != "none") ++failures;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(failures == 0);
    CHECK(corner.count() == 24);
  }
}

TEST_CASE("a table that does not fit is misconfigured, and the message names what") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  check_change(*server, "DROP COLUMN url", "has no column url");
  check_change(*server, "RENAME COLUMN violations TO violation", "has no column violations");
  check_change(*server, "ALTER COLUMN client_time TYPE timestamp",
               "client_time of the table \"test_");
  check_change(*server, "ALTER COLUMN properties TYPE text", "is of type text, it needs jsonb");
  check_change(*server, "DROP COLUMN url, ADD COLUMN url text GENERATED ALWAYS AS ('x') STORED",
               "is generated");
}

TEST_CASE("a column that we do not know and that must be filled is misconfigured") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create("ADD COLUMN tenant text NOT NULL");
  const Batch batch = numbered_batch("n", 3);
  const auto failure = failure_of([&] { write(*corner.open(), batch); });
  CAPTURE(failure);
  CHECK(failure.starts_with("misconfigured: "));
  CHECK(has(failure, "\"tenant\""));
}

TEST_CASE("a table that would lose events is misconfigured") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  const std::pair<std::string, std::string> changes[] = {
      {"SET UNLOGGED", "is UNLOGGED"},
      {"ALTER COLUMN event_time TYPE timestamptz(0)", "rounds milliseconds off"},
      {"DROP CONSTRAINT events_pkey", "has no unique index of event_id alone"},
      {"DROP CONSTRAINT events_pkey, ADD PRIMARY KEY (event_id, server_time)",
       "has no unique index of event_id alone"},
      {"DROP CONSTRAINT events_pkey, ADD PRIMARY KEY (event_id) DEFERRABLE",
       "has no unique index of event_id alone"},
  };
  for (const auto& change : changes) {
    CAPTURE(change.first);
    Corner corner{*server};
    corner.create(change.first);
    check_failure(*corner.open("&create=off"), "misconfigured", change.second);
  }
  Corner corner{*server};
  corner.sql.run("CREATE VIEW " + corner.table + " AS SELECT 1");
  check_failure(*corner.open(), "misconfigured", "is no table");
}

TEST_CASE("a table of the user's own with more to it is filled") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.sql.run(
      "CREATE DOMAIN " + corner.schema + ".label AS text; CREATE TABLE " + corner.table +
      " (tenant int DEFAULT 7, violations jsonb, sent_time timestamptz(3), client_time timestamptz,"
      " context jsonb, properties jsonb, url varchar(9000), event " +
      corner.schema +
      ".label, event_time timestamptz, server_time timestamptz, event_id uuid PRIMARY KEY,"
      " day date GENERATED ALWAYS AS ((server_time AT TIME ZONE 'UTC')::date) STORED)"
      " PARTITION BY HASH (event_id);"
      "CREATE TABLE " +
      corner.table + "_0 PARTITION OF " + corner.table +
      " FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
      "CREATE TABLE " +
      corner.table + "_1 PARTITION OF " + corner.table +
      " FOR VALUES WITH (MODULUS 2, REMAINDER 1)");
  const Batch batch = numbered_batch("n", 200);
  const auto sink = corner.open("&create=off");
  for (int i = 0; i < 2; ++i) CHECK(write(*sink, batch).empty());
  CHECK(corner.count("tenant = 7 AND day = '2030-01-01'") == 200);
}

TEST_CASE("a server that does not let us write is unavailable or misconfigured") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create();
  check_failure(*corner.open("&options=-cdefault_transaction_read_only%3Don"), "unavailable",
                "read-only transaction");
  corner.sql.run("DROP ROLE IF EXISTS " + corner.schema + "; CREATE ROLE " + corner.schema +
                 "; GRANT USAGE ON SCHEMA " + corner.schema + " TO " + corner.schema);
  check_failure(*corner.open("&options=-crole%3D" + corner.schema), "misconfigured",
                "permission denied for table events");
  corner.sql.run("GRANT SELECT ON " + corner.table + " TO " + corner.schema);
  check_failure(*corner.open("&options=-crole%3D" + corner.schema), "misconfigured",
                "permission denied for table events");
  corner.sql.run("DROP OWNED BY " + corner.schema + "; DROP ROLE " + corner.schema);
}

TEST_CASE("a locked table is unavailable until it is free") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create();
  const auto ours = corner.open("&timeout=200ms");
  const auto roles = corner.open("&timeout=10m&options=-cstatement_timeout%3D100ms");
  corner.sql.run("BEGIN; LOCK TABLE " + corner.table);
  check_failure(*ours, "unavailable", "");
  check_failure(*roles, "unavailable", "statement timeout (SQLSTATE 57014)");
  corner.sql.run("COMMIT");
  for (const auto& sink : {ours, roles}) {
    const Batch batch = numbered_batch("n", 3);  // written again, where its commit was in doubt
    // The last attempt may still be waiting for the lock, until the server ends it.
    while (failure_of([&] { write(*sink, batch); }) != "none") {
    }
  }
  CHECK(corner.count() == 6);
}

TEST_CASE("a deadlock or serialization failure runs again, a few times") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  for (const char* sqlstate : {"40P01", "40001"}) {
    Corner corner{*server};
    corner.create();
    corner.sql.run("CREATE SEQUENCE " + corner.schema + ".tries; CREATE FUNCTION " + corner.schema +
                   ".fail() RETURNS trigger AS $$ BEGIN IF nextval('" + corner.schema +
                   ".tries') <= TG_ARGV[0]::int THEN RAISE 'again' USING ERRCODE = '" + sqlstate +
                   "'; END IF; RETURN NEW; END $$ LANGUAGE plpgsql; CREATE TRIGGER fail BEFORE"
                   " INSERT ON " +
                   corner.table + " FOR EACH ROW EXECUTE FUNCTION " + corner.schema + ".fail(6)");
    const auto sink = corner.open();
    write(*sink, numbered_batch("n", 10));
    CHECK(corner.count() == 10);
    corner.sql.run("ALTER SEQUENCE " + corner.schema + ".tries RESTART; DROP TRIGGER fail ON " +
                   corner.table + "; CREATE TRIGGER fail BEFORE INSERT ON " + corner.table +
                   " FOR EACH ROW EXECUTE FUNCTION " + corner.schema + ".fail(1000000)");
    CHECK(has(failure_of([&] { write(*sink, numbered_batch("n", 10)); }), "unavailable: "));
    CHECK(corner.count() == 10);
  }
}

TEST_CASE("writers of the same events in any order do not fail each other") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create();
  const Batch forth = numbered_batch("n", 2'000);
  Batch back;
  for (std::size_t i = forth.size(); i > 0; --i) back.append(forth, i - 1, 1);
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (const Batch* batch : std::array<const Batch*, 4>{&forth, &back, &forth, &back}) {
    threads.emplace_back([&corner, &failures, copy = *batch] {
      // A deadlock would not be found, and so not be made good by running it again.
      const auto sink = corner.open("&timeout=5s&options=-cdeadlock_timeout%3D1h");
      if (failure_of([&] { write(*sink, copy); }) != "none") ++failures;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(corner.count() == 2'000);
}

TEST_CASE("a write is synchronous where the role is not, and leaves no setting behind") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create("ADD COLUMN mode text DEFAULT current_setting('synchronous_commit')");
  write(*corner.open("&options=-csynchronous_commit%3Doff"), numbered_batch("n", 1));
  write(*corner.open("&options=-csynchronous_commit%3Dlocal"), numbered_batch("m", 1));
  CHECK(corner.count("mode = 'on' AND event = 'n0'") == 1);
  CHECK(corner.count("mode = 'local' AND event = 'm0'") == 1);
}

}  // namespace eventcollect::test
