// A corner of the real MariaDB for one test.
#pragma once

#include <doctest/doctest.h>
#include <mysql.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/authority.hpp"
#include "eventcollect/mysql.hpp"
#include "eventcollect/open.hpp"
#include "support/failure.hpp"
#include "support/services.hpp"

namespace eventcollect::test {

// A connection of the test's own. Fails the test where the server says no.
class MysqlClient {
 public:
  explicit MysqlClient(const std::string& url) {
    const Url parts = Url::parse(url);
    const auto authority = base::parse_authority(parts, "mysql");
    REQUIRE(connection_ != nullptr);
    mysql_options(connection_.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
    const bool is_connected =
        mysql_real_connect(connection_.get(), authority.hosts.at(0).name.c_str(),
                           authority.user->c_str(), authority.password.value_or("").c_str(),
                           parts.path.substr(1).c_str(), authority.hosts.at(0).port, nullptr,
                           CLIENT_MULTI_STATEMENTS) != nullptr;
    INFO(mysql_error(connection_.get()));
    REQUIRE(is_connected);
    run("SET time_zone = '+00:00'");
  }

  // Runs statements. The first column of the last one's rows.
  std::vector<std::string> run(const std::string& statements) {
    INFO("statements: " << statements.substr(0, 500));
    check(mysql_real_query(connection_.get(), statements.data(), statements.size()));
    std::vector<std::string> column = rows();
    while (mysql_more_results(connection_.get())) {
      check(mysql_next_result(connection_.get()));
      column = rows();
    }
    return column;
  }

  std::string value(const std::string& query) {
    const auto column = run(query);
    REQUIRE(column.size() == 1);
    return column.front();
  }

 private:
  struct Close {
    void operator()(MYSQL* connection) const { mysql_close(connection); }
  };

  void check(int failed) {
    INFO(mysql_error(connection_.get()));
    REQUIRE(failed == 0);
  }

  std::vector<std::string> rows() {
    const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> result{
        mysql_store_result(connection_.get()), mysql_free_result};
    std::vector<std::string> column;
    if (!result) return column;
    while (MYSQL_ROW row = mysql_fetch_row(result.get())) {
      column.emplace_back(
          row[0] != nullptr ? std::string{row[0], mysql_fetch_lengths(result.get())[0]} : "NULL");
    }
    return column;
  }

  std::unique_ptr<MYSQL, Close> connection_{mysql_init(nullptr)};
};

// A setting of the server that holds for new connections, for as long as this lives.
class GlobalSetting {
 public:
  GlobalSetting(std::string server, const std::string& name, const std::string& value)
      : server_{std::move(server)}, name_{name} {
    MysqlClient client{server_};
    before_ = client.value("SELECT if(@@global." + name + " REGEXP '^[0-9]+$', @@global." + name +
                           ", quote(@@global." + name + "))");
    client.run("SET GLOBAL " + name + " = " + value);
  }
  ~GlobalSetting() {
    try {
      MysqlClient{server_}.run("SET GLOBAL " + name_ + " = " + before_);
    } catch (...) {
      // doctest has noted the failure; a destructor must not throw.
    }
  }
  GlobalSetting(const GlobalSetting&) = delete;
  GlobalSetting& operator=(const GlobalSetting&) = delete;

 private:
  const std::string server_;
  const std::string name_;
  std::string before_;
};

// A database that goes with the test, and URLs of sinks that write to a table there.
class MysqlCorner {
 public:
  explicit MysqlCorner(std::string server) : server_{std::move(server)}, sql{server_} {
    static std::atomic<int> count{0};
    database = "test_" + std::to_string(getpid()) + "_" + std::to_string(++count);
    sql.run("CREATE DATABASE " + database);
    table = database + ".events";
    ledger = database + ".eventcollect_loads";
    enable_mysql();
  }
  ~MysqlCorner() {
    try {
      MysqlClient{server_}.run("DROP DATABASE " + database);
    } catch (...) {
      // doctest has noted the failure; a destructor must not throw.
    }
  }
  MysqlCorner(const MysqlCorner&) = delete;
  MysqlCorner& operator=(const MysqlCorner&) = delete;

  // `options` begin with '&'. Through `server`, which is another way to the same database.
  std::string url(const std::string& options = {}, const std::string& server = {}) const {
    return (server.empty() ? server_ : server) + "?table=" + table + options;
  }

  std::shared_ptr<MysqlSink> open(const std::string& options = {},
                                  const std::string& server = {}) const {
    return std::dynamic_pointer_cast<MysqlSink>(open_sink(url(options, server)));
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
  MysqlClient sql;
  std::string database;
  std::string table;
  std::string ledger;
};

}  // namespace eventcollect::test
