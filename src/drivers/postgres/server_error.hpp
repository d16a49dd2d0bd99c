// An error that the server reported, and whom it is to be blamed on.
#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "eventcollect/sink.hpp"

namespace eventcollect::postgres {

struct ServerError {
  std::string sqlstate;  // five characters (manual, appendix A)
  std::string message;   // the first line, up to 1 KiB: DETAIL may hold a whole row
  std::string column;    // empty where the error names none

  static ServerError of(const PGresult* result);

  bool is_duplicate_key() const { return sqlstate == "23505"; }

  // Whether what is in an event may have caused it.
  bool is_poison() const;

  // Whether the same statements may well work if they are run again at once.
  bool is_passing() const { return sqlstate == "40P01" || sqlstate == "40001"; }

  // The exception for it, where it is no event's fault: "postgres: `what`: message".
  Error as_error(std::string_view what) const;
};

// unavailable or misconfigured.
Error::Kind kind_of(std::string_view sqlstate);

}  // namespace eventcollect::postgres
