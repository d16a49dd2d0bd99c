// A look into an SQLite database, past the sink that fills it.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>
#include <string>
#include <vector>

#include "eventcollect/clock.hpp"
#include "support/directory.hpp"

namespace eventcollect::test {

// A connection of the test's own. Every failure fails the test.
class Database {
 public:
  explicit Database(const std::string& file) {
    REQUIRE(sqlite3_open(file.c_str(), &handle_) == SQLITE_OK);
  }
  ~Database() { sqlite3_close(handle_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql) { query(sql); }

  // The rows, each with its columns joined by '|'; NULL is "NULL".
  std::vector<std::string> query(const std::string& sql) {
    std::vector<std::string> rows;
    const auto add = [](void* to, int count, char** values, char**) {
      std::string row;
      for (int i = 0; i < count; ++i) {
        if (i > 0) row += '|';
        row += values[i] == nullptr ? "NULL" : values[i];
      }
      static_cast<std::vector<std::string>*>(to)->push_back(std::move(row));
      return 0;
    };
    char* message = nullptr;
    const int code = sqlite3_exec(handle_, sql.c_str(), add, &rows, &message);
    const std::string said = message == nullptr ? "" : message;
    sqlite3_free(message);
    CAPTURE(sql);
    CAPTURE(said);
    REQUIRE(code == SQLITE_OK);
    return rows;
  }

  std::string value(const std::string& sql) {
    const auto rows = query(sql);
    REQUIRE(rows.size() == 1);
    return rows.front();
  }

 private:
  sqlite3* handle_ = nullptr;
};

// What the database would hold if all that uses it were killed now.
inline std::vector<std::string> after_a_kill(const std::string& file, const std::string& sql) {
  const TemporaryDirectory directory;
  for (const std::string suffix : {"", "-wal"}) {
    std::error_code missing;
    std::filesystem::copy_file(file + suffix, directory.path("copy.db" + suffix), missing);
  }
  return Database{directory.path("copy.db")}.query(sql);
}

}  // namespace eventcollect::test
