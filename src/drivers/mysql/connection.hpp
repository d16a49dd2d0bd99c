// A connection to the server that never waits past its deadline.
#pragma once

#include <mysql.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/mysql/server_error.hpp"
#include "eventcollect/mysql.hpp"
#include "sink/connection_lost.hpp"

namespace eventcollect::mysql {

using Deadline = std::chrono::steady_clock::time_point;

// What became of a statement: its rows, or the error that ended it.
struct Outcome {
  std::vector<std::vector<std::string>> rows{};  // NULL is an empty text
  std::optional<ServerError> error{};

  const std::string& text(std::size_t row, std::size_t column) const {
    return rows.at(row).at(column);
  }
};

// What is asked of a server as soon as it is connected to.
struct ServerFacts {
  bool is_mariadb = false;
  std::size_t max_packet_bytes = 0;
};

// Every function but the getters throws sink::ConnectionLost where the server went away, of which
// nothing is stored that was not committed before, or Error{unavailable} at the deadline; the
// connection is closed then. An error that the server reports is returned. One thread at a time.
class Connection {
 public:
  explicit Connection(const MysqlSinkOptions& options) : options_{options} {}

  // Until when everything from now on has to be done.
  void set_deadline(Deadline deadline) { deadline_ = deadline; }
  Deadline deadline() const { return deadline_; }

  bool is_open() const { return connection_ != nullptr; }

  // Connects to the first host that takes events, beginning with the last one that did. Throws
  // Error also as misconfigured, for a wrong password and the like.
  void open();
  void close();

  const ServerFacts& facts() const { return facts_; }

  Outcome run(std::string_view statement);

  // The same, but throws its error as an Error that begins with "mysql: cannot `doing`: ".
  Outcome run(std::string_view statement, std::string_view doing);

  // Runs one with values for its question marks. The server prepares it when it comes first, and
  // keeps it until the connection is closed.
  std::optional<ServerError> execute(const std::string& statement, std::span<MYSQL_BIND> values);

 private:
  struct Close {
    void operator()(MYSQL* connection) const { mysql_close(connection); }
  };

  // While the connection is open this would wait for the server without a deadline.
  struct CloseStatement {
    void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
  };
  using PreparedStatement = std::unique_ptr<MYSQL_STMT, CloseStatement>;

  void connect(const MysqlHost& host);
  void set_options();
  void set_session();
  void check_server();

  template <typename Value, typename Start, typename Continue>
  Value finish(const Start& start, const Continue& proceed);
  int wait_for(int events);
  std::optional<ServerError> prepare(const std::string& statement, MYSQL_STMT* prepared);
  [[noreturn]] void lose(const ServerError& error);
  std::optional<ServerError> judge(ServerError error);

  const MysqlSinkOptions options_;
  std::map<std::string, PreparedStatement> prepared_;  // by their text; end after the connection
  std::unique_ptr<MYSQL, Close> connection_;
  ServerFacts facts_;
  Deadline deadline_{};
  bool is_too_late_ = false;  // the deadline ended the last call
  std::size_t next_host_ = 0;
};

// Calls one of libmariadb's functions in its form that does not block. `start` begins it and
// `proceed` goes on with it; both store what it returns and say what it waits for.
template <typename Value, typename Start, typename Continue>
Value Connection::finish(const Start& start, const Continue& proceed) {
  Value value{};
  for (int waits_for = start(&value); waits_for != 0;) {
    waits_for = proceed(&value, wait_for(waits_for));
  }
  return value;
}

}  // namespace eventcollect::mysql
