// A connection to the server that never waits past its deadline.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "drivers/postgres/host_list.hpp"
#include "drivers/postgres/server_error.hpp"
#include "eventcollect/sink.hpp"

namespace eventcollect::postgres {

using Deadline = std::chrono::steady_clock::time_point;

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;

// What became of some statements: the result of the last, or the error that ended them.
struct Outcome {
  Result last;
  std::optional<ServerError> error;

  std::string_view text(int row, int column) const;
  std::size_t rows() const;  // that the last statement changed
  bool is_true(int row, int column) const { return text(row, column) == "t"; }
};

// The server went away. Nothing that was not committed before is stored.
class ConnectionLost : public Error {
 public:
  explicit ConnectionLost(const std::string& message) : Error{unavailable, message} {}
};

// The bytes of a COPY, piece by piece; an empty piece is the end.
class CopySource {
 public:
  virtual ~CopySource() = default;
  virtual std::string_view next() = 0;
};

// Every function but the getters throws ConnectionLost, or Error{unavailable} at the deadline;
// the connection is closed then. An error that the server reports is returned. One thread at a
// time.
class Connection {
 public:
  // Throws ConfigError where libpq cannot read `conninfo`, without repeating it.
  explicit Connection(std::string conninfo);

  // Until when everything from now on has to be done.
  void set_deadline(Deadline deadline) { deadline_ = deadline; }
  Deadline deadline() const { return deadline_; }

  bool is_open() const { return connection_ != nullptr; }

  // Of several hosts one that does not answer has its part of the time left until the deadline.
  // Throws Error also as misconfigured, for a wrong password and the like.
  void open();
  void close();

  // Sends these statements, each ended by ';', in front of the next ones.
  void prepend(std::string_view statements) { pending_ += statements; }

  Outcome run(std::string_view statements);
  // With the parameters $1 and so on, as text.
  Outcome run(const std::string& statement, std::span<const std::string> parameters);

  // Runs statements of which the last is a COPY … FROM STDIN. Stops to send once the server has
  // found a fault.
  Outcome copy(std::string_view statements, CopySource& source);

  // For statements of another kind. flush() sends what libpq holds back, and says whether the
  // server sent something meanwhile. next_result() is null after the last one of a statement.
  PGconn* raw() const { return connection_.get(); }
  bool flush();
  Result next_result();

  // Throws ConnectionLost for what libpq says of a function that failed.
  [[noreturn]] void lose();

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  void send(std::string_view statements);
  Outcome finish(Outcome outcome);
  bool take(Result result, Outcome& outcome);
  bool put(std::string_view piece);
  short wait_for(short events);
  short poll_until(Deadline deadline, short events);

  void start(const HostList& hosts);
  bool connect(std::optional<HostList>& untried, std::string& silent_hosts);
  Deadline end_of_turn(std::size_t hosts) const;
  [[noreturn]] void fail_to_open(const std::string& silent_hosts);

  std::string conninfo_;
  std::unique_ptr<PGconn, Finish> connection_;
  std::string pending_;
  Deadline deadline_{};
  bool may_stop_early_ = true;
};

// A message of libpq in one line.
std::string one_line(std::string_view text);

// A name and a text as SQL takes them.
std::string quoted_name(std::string_view name);
std::string quoted_literal(std::string_view text);

// An array of text, as the value of a parameter.
std::string array_literal(std::span<const std::string> texts);

}  // namespace eventcollect::postgres
