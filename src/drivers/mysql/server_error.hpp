// An error that the server reported, and whom it is to be blamed on.
#pragma once

#include <mysql.h>

#include <string>
#include <string_view>

#include "eventcollect/sink.hpp"

namespace eventcollect::mysql {

struct ServerError {
  unsigned code = 0;     // MariaDB and MySQL share those that are used here
  std::string sqlstate;  // five characters; HY000 where the server has none for it
  std::string message;   // up to 1 KiB

  // The last error of this connection, or of what was done with this statement.
  static ServerError of(MYSQL* connection);
  static ServerError of(MYSQL_STMT* statement);

  // Whether what is in an event may have caused it.
  bool is_poison() const;

  // Whether the same transaction may well work if it is run again at once.
  bool is_passing() const;

  // Whether the server is done with the connection.
  bool ends_connection() const;

  // The message for an event that is rejected.
  std::string reason() const;

  // The exception for it, where it is no event's fault: "mysql: `what`: message".
  Error as_error(std::string_view what) const;

  // unavailable or misconfigured.
  Error::Kind kind() const;
};

}  // namespace eventcollect::mysql
