// Owners of SQLite's connections and statements, whose failures are SinkErrors.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "eventcollect/sink.hpp"

namespace eventcollect::sqlite {

using Deadline = std::chrono::steady_clock::time_point;

class Statement;

// One thread at a time.
class Connection {
 public:
  // Opens `file`. Waits for others' locks until `deadline`, whatever it is by then: it has to
  // outlive the connection. Throws Error.
  Connection(const std::string& file, bool create, const Deadline& deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs one statement to its end, whose rows do not matter. `doing` is for the message, as in
  // "cannot DOING".
  void run(std::string_view sql, std::string_view doing);

  // A statement that is often used. It must not outlive the connection.
  Statement prepare(std::string_view sql, std::string_view doing);

  bool is_in_transaction() const;

  // Whether the file that is open is no longer the one of that name.
  bool has_moved() const;

  // What SQLite says of its last answer. Lives until the next call.
  std::string_view message() const;

  // The Error for its last answer, which was `code`.
  Error error(int code, std::string_view doing) const;
  Error error(Error::Kind kind, std::string_view what) const;

  // The same for a COMMIT, whose effect may be unknown.
  Error commit_error(int code) const;

 private:
  const std::string name_;  // for messages
  sqlite3* handle_ = nullptr;
};

class Statement {
 public:
  Statement() = default;
  Statement(Connection& connection, sqlite3_stmt* statement)
      : connection_{&connection}, statement_{statement} {}

  // The text has to live until reset(). SQLite's result code: SQLITE_OK or SQLITE_TOOBIG, say.
  int bind(int parameter, std::string_view text);
  int bind_null(int parameter);

  // One step, with SQLite's result code: SQLITE_ROW, SQLITE_DONE or what went wrong.
  int step();

  // One step: whether there is a row. Throws Error.
  bool next(std::string_view doing);

  // Of the row: lives until the next step or reset().
  std::string_view text(int column) const;
  std::int64_t integer(int column) const;

  // Makes it ready for the next use. What is bound stays.
  void reset();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  Connection* connection_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Whether a row was rejected for what is in it.
bool is_fault_of_the_data(int code);

// A name as SQL has it.
std::string quoted(std::string_view name);

}  // namespace eventcollect::sqlite
