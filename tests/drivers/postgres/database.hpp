// A corner of the real Postgres for one test.
#pragma once

#include <doctest/doctest.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "eventcollect/open.hpp"
#include "eventcollect/postgres.hpp"
#include "support/failure.hpp"
#include "support/services.hpp"

namespace eventcollect::test {

// A connection of the test's own. Fails the test where the server says no.
class Sql {
 public:
  explicit Sql(const std::string& url) : connection_{PQconnectdb(url.c_str()), PQfinish} {
    INFO(PQerrorMessage(connection_.get()));
    REQUIRE(PQstatus(connection_.get()) == CONNECTION_OK);
    PQsetNoticeReceiver(
        connection_.get(), [](void*, const PGresult*) {}, nullptr);
  }

  // Runs statements. The first column of the last one's rows.
  std::vector<std::string> run(const std::string& statements) {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result{
        PQexec(connection_.get(), statements.c_str()), PQclear};
    INFO("statements: " << statements.substr(0, 500));
    INFO(PQerrorMessage(connection_.get()));
    const auto status = PQresultStatus(result.get());
    REQUIRE((status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK));
    std::vector<std::string> column;
    for (int row = 0; row < PQntuples(result.get()); ++row) {
      column.emplace_back(PQgetvalue(result.get(), row, 0));
    }
    return column;
  }

  std::string value(const std::string& query) {
    const auto column = run(query);
    REQUIRE(column.size() == 1);
    return column.front();
  }

  std::string quoted(const std::string& text) {
    char* literal = PQescapeLiteral(connection_.get(), text.data(), text.size());
    const std::string copy{literal};
    PQfreemem(literal);
    return copy;
  }

 private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

// A schema that goes with the test, and URLs of sinks that write to a table there.
class Corner {
 public:
  explicit Corner(std::string server) : server_{std::move(server)}, sql{server_} {
    static std::atomic<int> count{0};
    schema = "test_" + std::to_string(getpid()) + "_" + std::to_string(++count);
    sql.run("CREATE SCHEMA " + schema);
    table = schema + ".events";
    ledger = schema + ".eventcollect_loads";
    enable_postgres();
  }
  ~Corner() {
    const std::unique_ptr<PGconn, void (*)(PGconn*)> last{PQconnectdb(server_.c_str()), PQfinish};
    PQclear(
        PQexec(last.get(),
               ("SET client_min_messages = error; DROP SCHEMA " + schema + " CASCADE").c_str()));
  }
  Corner(const Corner&) = delete;
  Corner& operator=(const Corner&) = delete;

  // `options` begin with '&'. Through `server`, which is another way to the same database.
  std::string url(const std::string& options = {}, const std::string& server = {}) const {
    return (server.empty() ? server_ : server) + "?table=" + table + options;
  }

  std::shared_ptr<PostgresSink> open(const std::string& options = {},
                                     const std::string& server = {}) const {
    return std::dynamic_pointer_cast<PostgresSink>(open_sink(url(options, server)));
  }

  std::size_t count(const std::string& where = "true") {
    return std::stoul(sql.value("SELECT count(*) FROM " + table + " WHERE " + where));
  }

  // Makes the table as the sink would, with more to it.
  void create(const std::string& more = {}) {
    open()->maintain();
    if (!more.empty()) sql.run("ALTER TABLE " + table + " " + more);
  }

 private:
  std::string server_;

 public:
  Sql sql;
  std::string schema;
  std::string table;
  std::string ledger;
};

}  // namespace eventcollect::test
