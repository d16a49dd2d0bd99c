// What the mysql sink says of URLs, tables and rights, and that it then rejects no event.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "drivers/mysql/database.hpp"
#include "support/events.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

// Checks that both write() and maintain() fail so, and that no event is blamed.
void check_failure(Sink& sink, std::string_view kind, std::string_view what) {
  const Batch batch = numbered_batch("n", 3);
  const std::string failures[] = {failure_of([&] { write(sink, batch); }),
                                  failure_of([&] { sink.maintain(); })};
  for (const std::string& failure : failures) {
    CAPTURE(failure);
    CHECK(failure.starts_with(std::string{kind} + ": mysql: "));
    CHECK(has(failure, what));
  }
}

// `server` with another user.
std::string as_user(std::string server, const std::string& user) {
  return server.replace(0, server.find('@'), "mysql://" + user);
}

}  // namespace

TEST_CASE("a URL of MySQL with a fault is rejected without its password") {
  enable_mysql();
  const std::pair<std::string, std::string> faults[] = {
      {"mysql://h/db?tabel=x", "has no option 'tabel'; it has: table, create, tls, ca_file"},
      {"mysql://h/db?create=yes", "'yes' is neither on nor off"},
      {"mysql://h/db?timeout=10", "option 'timeout'"},
      {"mysql://h/db?timeout=0", "must be greater than 0, got 0 ms"},
      {"mysql://h/db?table=", "a table is NAME or DATABASE.NAME"},
      {"mysql://h/db?table=.x", "an empty database"},
      {"mysql://h/db?table=" + std::string(65, 't'), "at most 64 bytes"},
      {"mysql://h/db?ca_file=/x", "needs tls=on"},
      {"mysql://h", "no database is given"},
      {"mysql:db", "no database is given"},
      {"mysql://u:topsecret@h:1:2/db", "the port is a number"},
      {"mysql://u:topsecret/x@h/db", "in a password, write"},
      {"mysql://u@h/db?pasword=topsecret", "has no option 'pasword'"},
  };
  for (const auto& fault : faults) {
    const std::string failure = failure_of([&] { open_sink(fault.first); });
    CAPTURE(fault.first);
    CAPTURE(failure);
    CHECK(failure.starts_with("config: mysql: "));
    CHECK(has(failure, fault.second));
    CHECK_FALSE(has(failure, "secret"));
  }
}

TEST_CASE("a password is taken from the URL or the environment, and no message shows a wrong one") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  enable_mysql();
  const auto failure = [&](const std::string& user) {
    return failure_of(
        [&] { open_sink(as_user(*server, user) + "?table=of_password_user")->maintain(); });
  };
  CHECK(failure("password_user:secret") == "none");
  const std::string wrong = failure("password_user:sesame");
  CHECK(wrong.starts_with("misconfigured: mysql: "));
  CHECK(has(wrong, "Access denied"));
  CHECK_FALSE(has(wrong, "sesame"));
  CHECK(failure("password_user") != "none");
  setenv("EVENTCOLLECT_MYSQL_PASSWORD", "secret", 1);
  CHECK(failure("password_user") == "none");
  unsetenv("EVENTCOLLECT_MYSQL_PASSWORD");
  MysqlClient{*server}.run("DROP TABLE of_password_user");
}

TEST_CASE("a database that is not there is misconfigured, a server that is not unavailable") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  enable_mysql();
  const std::string place = server->substr(0, server->rfind('/'));
  check_failure(*open_sink(place + "/nowhere"), "misconfigured", "Unknown database 'nowhere'");
  check_failure(*open_sink("mysql://root:sesame@127.0.0.1:1/x"), "unavailable", "127.0.0.1:1");
}

TEST_CASE("a table that is not there is made, unless create is off") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const auto cautious = corner.open("&create=off");
  check_failure(*cautious, "misconfigured", "there is no table");
  CHECK(corner.open()->begin("a", "") == LoadStart::begun);
  write(*cautious, numbered_batch("n", 3));
  CHECK(corner.count() == 3);
  corner.table = corner.database + ".Odd%20`name'";
  write(*corner.open(), numbered_batch("n", 3));
  CHECK(corner.sql.value("SELECT count(*) FROM " + corner.database + ".`Odd ``name'`") == "3");
}

TEST_CASE("many who make the table at once do not fail each other") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
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

TEST_CASE("a table that does not fit or would lose events is misconfigured") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  const std::pair<std::string, std::string> changes[] = {
      {"DROP COLUMN url", "has no column url"},
      {"MODIFY properties int", "is of type int(11), it needs json"},
      {"MODIFY client_time timestamp(3) NULL", "is of type timestamp(3), it needs datetime(3)"},
      {"MODIFY server_time datetime NOT NULL", "rounds milliseconds off"},
      {"MODIFY event_id char(36)", "it needs binary(16)"},
      {"DROP PRIMARY KEY, MODIFY event_id binary(16) NULL, ADD UNIQUE KEY (event_id)",
       "MODIFY event_id binary(16) NOT NULL"},
      {"MODIFY event varchar(128) CHARACTER SET latin1 NOT NULL", "it needs utf8mb4"},
      {"MODIFY event char(128) NOT NULL", "is of type char(128)"},
      {"DROP COLUMN url, ADD COLUMN url text AS ('x') STORED", "is generated"},
      {"DROP PRIMARY KEY", "has no unique index of event_id alone"},
      {"DROP PRIMARY KEY, ADD PRIMARY KEY (event_id, server_time)",
       "has no unique index of event_id alone"},
      {"ENGINE = MyISAM", "which has no transactions"},
  };
  for (const auto& change : changes) {
    CAPTURE(change.first);
    MysqlCorner corner{*server};
    corner.create(change.first);
    check_failure(*corner.open("&create=off"), "misconfigured", change.second);
  }
  MysqlCorner corner{*server};
  corner.sql.run("CREATE VIEW " + corner.table + " AS SELECT 1");
  check_failure(*corner.open(), "misconfigured", "is no table");
}

TEST_CASE("a column that we do not know and that must be filled is misconfigured") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create("ADD COLUMN tenant int NOT NULL");
  const auto failure = failure_of([&] { write(*corner.open(), numbered_batch("n", 3)); });
  CAPTURE(failure);
  CHECK(failure.starts_with("misconfigured: "));
  CHECK(has(failure, "'tenant'"));
}

TEST_CASE("a table of the user's own with more to it is filled") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.sql.run(
      "CREATE TABLE " + corner.table +
      " (tenant int NOT NULL DEFAULT 7, violations longtext, sent_time datetime(6),"
      " client_time datetime(3), context json, properties json, url varchar(9000), event text,"
      " event_time datetime(3), server_time datetime(3), event_id uuid PRIMARY KEY,"
      " day date AS (date(server_time)) STORED) CHARACTER SET utf8mb4"
      " PARTITION BY KEY (event_id) PARTITIONS 2");
  const Batch batch = numbered_batch("n", 200);
  const auto sink = corner.open("&create=off");
  for (int i = 0; i < 2; ++i) CHECK(write(*sink, batch).empty());
  CHECK(corner.count("tenant = 7 AND day = '2030-01-01'") == 200);
  CHECK(corner.count("event_id = '" + batch.front().id.to_string() + "'") == 1);
}

TEST_CASE("a system-versioned table is filled, each event once") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create("ADD SYSTEM VERSIONING, ADD CHECK (event <> 'bad'), ADD UNIQUE KEY (event)");
  Batch batch = numbered_batch("n", 300);
  batch.append(numbered_batch("n", 1));
  const auto sink = corner.open("&create=off");
  for (int i = 0; i < 2; ++i) CHECK(write(*sink, batch).size() == 1);
  CHECK(corner.count() == 300);
}

TEST_CASE("a table that changes between two writes is filled all the same") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const auto sink = corner.open();
  CHECK(write(*sink, numbered_batch("n", 300)).empty());
  corner.sql.run("ALTER TABLE " + corner.table + " ADD COLUMN tenant int DEFAULT 7 FIRST");
  CHECK(write(*sink, numbered_batch("m", 300)).empty());
  corner.sql.run("ALTER TABLE " + corner.table + " MODIFY url longtext AFTER violations");
  CHECK(write(*sink, numbered_batch("o", 300)).empty());
  CHECK(corner.count("tenant = 7 AND url IS NULL") == 900);
}

TEST_CASE("times are stored in UTC whatever the server's time zone") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  const GlobalSetting elsewhere{*server, "time_zone", "'+05:00'"};
  MysqlCorner corner{*server};
  const auto sink = corner.open();
  REQUIRE(sink->begin("a", "") == LoadStart::begun);
  write(*sink, numbered_batch("n", 1));
  sink->commit();
  CHECK(corner.count("server_time = '2030-01-01 00:00:00.000'") == 1);
  CHECK(corner.sql.value("SELECT loaded_at BETWEEN utc_timestamp() - INTERVAL 1 HOUR AND "
                         "utc_timestamp() + INTERVAL 1 SECOND FROM " +
                         corner.ledger) == "1");
}

TEST_CASE("a server that does not sync its commits, or takes no writes, gets no event") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create();
  const auto sink = corner.open();
  for (const char* value : {"0", "2"}) {
    const GlobalSetting hasty{*server, "innodb_flush_log_at_trx_commit", value};
    check_failure(*sink, "misconfigured", "innodb_flush_log_at_trx_commit is ");
  }
  write(*sink, numbered_batch("n", 3));
  {
    const GlobalSetting replica{*server, "read_only", "1"};
    check_failure(*corner.open(), "unavailable", "read-only");
    // As one that is open finds it: root may write all the same.
    const auto user = open_sink(as_user(*server, "password_user:secret"));
    check_failure(*user, "unavailable", "read-only");
  }
  write(*sink, numbered_batch("n", 3));
  CHECK(corner.count() == 6);
}

TEST_CASE("a server that has no room for another connection is unavailable until it has") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const auto sink = open_sink(as_user(*server, "password_user:secret") + "?table=of_password_user");
  {
    const GlobalSetting few{*server, "max_connections", "10"};
    std::vector<MysqlClient> others;
    for (int i = 0; i < 9; ++i) others.emplace_back(*server);
    check_failure(*sink, "unavailable", "Too many connections");
  }
  CHECK(write(*sink, numbered_batch("n", 3)).empty());
  corner.sql.run("DROP TABLE of_password_user");
}

TEST_CASE("a user who may not write is misconfigured") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create();
  const std::string user = corner.database;
  corner.sql.run("CREATE USER " + user + "@'%'; GRANT SELECT ON eventcollect.* TO " + user);
  const std::string place = " ON " + corner.database + ".* ";
  for (const char* rights : {"SELECT", "SELECT, INSERT", "SELECT, UPDATE", "INSERT, UPDATE"}) {
    CAPTURE(std::string{rights});
    corner.sql.run("GRANT " + std::string{rights} + place + "TO " + user);
    check_failure(*corner.open("", as_user(*server, user)), "misconfigured", "command denied");
    corner.sql.run("REVOKE ALL" + place + "FROM " + user);
  }
  corner.sql.run("GRANT SELECT, INSERT, UPDATE" + place + "TO " + user);
  const auto sink = corner.open("&create=off", as_user(*server, user));
  sink->maintain();
  write(*sink, numbered_batch("n", 3));
  CHECK(corner.count() == 3);
  corner.open()->begin("makes the ledger", "");
  REQUIRE(sink->begin("a", "") == LoadStart::begun);
  sink->commit();
  corner.sql.run("DROP USER " + user);
}

TEST_CASE("TLS is used where it is asked for, with the certificate and the name verified") {
  const auto server = service_url("MYSQL");
  const auto ca = service_url("MYSQL_CA");
  if (!server || !ca) return;
  MysqlCorner corner{*server};
  corner.create();
  corner.sql.run("CREATE TRIGGER " + corner.database + ".look BEFORE INSERT ON " + corner.table +
                 " FOR EACH ROW SET NEW.url = (SELECT variable_value FROM "
                 "information_schema.session_status WHERE variable_name = 'Ssl_cipher')");
  write(*corner.open("&tls=on&ca_file=" + *ca), numbered_batch("n", 1));
  CHECK(corner.count("url <> ''") == 1);
  write(*corner.open(), numbered_batch("m", 1));
  CHECK(corner.count("url = ''") == 1);
  const std::string strange = failure_of([&] { corner.open("&tls=on")->maintain(); });
  CAPTURE(strange);
  CHECK(strange.starts_with("misconfigured: mysql: 127.0.0.1:"));
  // The certificate is for localhost and 127.0.0.1, of which this is another name.
  std::string other = *server;
  other.replace(other.find("127.0.0.1"), 9, "127.1");
  CHECK(failure_of([&] { corner.open("", other)->maintain(); }) == "none");
  const std::string misnamed =
      failure_of([&] { corner.open("&tls=on&ca_file=" + *ca, other)->maintain(); });
  CAPTURE(misnamed);
  CHECK(misnamed.starts_with("misconfigured: mysql: 127.1:"));
  const std::string without_file =
      failure_of([&] { corner.open("&tls=on&ca_file=" + *ca + ".gone")->maintain(); });
  CAPTURE(without_file);
  CHECK(without_file.starts_with("misconfigured: mysql: 127.0.0.1:"));
  CHECK(has(without_file, ".gone cannot be read: No such file"));
}

}  // namespace eventcollect::test
