// The table of the events and the one of the ledger: their names, whether they fit, and how they
// are made.
#pragma once

#include <string>
#include <string_view>

#include "drivers/postgres/connection.hpp"

namespace eventcollect::postgres {

// As SQL takes them.
struct TableNames {
  // `table` is NAME or SCHEMA.NAME. Throws ConfigError.
  explicit TableNames(std::string_view table);

  std::string events;
  std::string ledger;
};

// Makes the table if it is missing and `create` is on. Throws Error, misconfigured where it is
// none that events can be kept in.
//
// Returns a statement, to be run in the transaction that has written, which fails with
// `table_changed` where a column is no longer what it was: the binary form has no types with it, so
// that the server would take the bytes of one for another.
std::string prepare_events_table(Connection& connection, const TableNames& names, bool create);
inline constexpr std::string_view table_changed = "22012";

void prepare_ledger_table(Connection& connection, const TableNames& names, bool create);

}  // namespace eventcollect::postgres
