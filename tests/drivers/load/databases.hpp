// The databases that a load is tested with.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "drivers/mysql/database.hpp"
#include "drivers/postgres/database.hpp"
#include "eventcollect/dir.hpp"
#include "eventcollect/load.hpp"
#include "eventcollect/sqlite.hpp"
#include "support/objects.hpp"
#include "support/sqlite_database.hpp"

namespace eventcollect::test {

using Strings = std::vector<std::string>;

class LoadDatabase {
 public:
  virtual ~LoadDatabase() = default;
  virtual std::shared_ptr<LedgerSink> open() = 0;
  // The first column of the rows. {events} and {ledger} stand for the tables.
  virtual Strings query(std::string sql) = 0;

  std::size_t count() { return std::stoul(query("SELECT count(*) FROM {events}").at(0)); }

  // How many events of each name, as "name count".
  Strings names() {
    return query("SELECT event || ' ' || count(*) FROM {events} GROUP BY event ORDER BY event");
  }

  // The ledger's lines as "key|selection|events".
  Strings ledger() {
    return query("SELECT object_key || '|' || selection || '|' || events FROM {ledger} ORDER BY 1");
  }

 protected:
  static std::string filled(std::string sql, const std::string& events, const std::string& ledger) {
    for (const auto& [mark, name] : {std::pair{"{events}", events}, {"{ledger}", ledger}}) {
      const std::size_t place = sql.find(mark);
      if (place != std::string::npos) sql.replace(place, 8, name);
    }
    return sql;
  }
};

class PostgresLoads final : public LoadDatabase {
 public:
  explicit PostgresLoads(const std::string& server) : corner{server} { corner.open()->maintain(); }
  std::shared_ptr<LedgerSink> open() override { return corner.open("&timeout=60s"); }
  Strings query(std::string sql) override {
    return corner.sql.run(filled(std::move(sql), corner.table, corner.ledger));
  }

  Corner corner;
};

class MysqlLoads final : public LoadDatabase {
 public:
  explicit MysqlLoads(const std::string& server) : corner{server} {
    corner.open()->maintain();
    corner.sql.run("SET sql_mode = 'PIPES_AS_CONCAT'");
  }
  std::shared_ptr<LedgerSink> open() override { return corner.open("&timeout=60s"); }
  Strings query(std::string sql) override {
    return corner.sql.run(filled(std::move(sql), corner.table, corner.ledger));
  }

  MysqlCorner corner;
};

class SqliteLoads final : public LoadDatabase {
 public:
  SqliteLoads() { open()->maintain(); }
  std::shared_ptr<LedgerSink> open() override {
    return std::make_shared<SqliteSink>(file,
                                        SqliteSinkOptions{.timeout = std::chrono::seconds{60}});
  }
  Strings query(std::string sql) override {
    return Database{file}.query(filled(std::move(sql), "events", "eventcollect_loads"));
  }

 private:
  TemporaryDirectory directory_;

 public:
  const std::string file = directory_.path("events.db");
};

// Runs a test with each of them, empty.
template <typename Test>
void with_databases(const Test& test) {
  {
    INFO("sqlite");
    SqliteLoads database;
    test(database);
  }
  if (const auto server = service_url("POSTGRES")) {
    INFO("postgres");
    PostgresLoads database{*server};
    test(database);
  }
  if (const auto server = service_url("MYSQL")) {
    INFO("mysql");
    MysqlLoads database{*server};
    test(database);
  }
}

// A directory as a store.
struct Objects {
  TemporaryDirectory directory{};
  DirStore store{directory.path()};
};

}  // namespace eventcollect::test
