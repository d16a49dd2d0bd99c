// The table of the events and the one of the ledger: their names, and whether they fit.
#pragma once

#include <string>
#include <string_view>

#include "drivers/sqlite/connection.hpp"

namespace eventcollect::sqlite {

struct TableNames {
  // Throws ConfigError for a name that no table can have.
  explicit TableNames(std::string_view table);

  std::string events;
  std::string ledger;
};

// Makes the table if it is missing and `create`. Throws Error, misconfigured where it does not
// fit. Inside a transaction.
void prepare_events_table(Connection& connection, const TableNames& names, bool create);
void prepare_ledger_table(Connection& connection, const TableNames& names, bool create);

// The INSERT of an event, which does nothing for an event_id that is there. Its parameters are in
// the order of the columns in sqlite.hpp.
Statement prepare_insert(Connection& connection, const TableNames& names);

}  // namespace eventcollect::sqlite
