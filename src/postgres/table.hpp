// The table of the events and the one of the ledger: their names, whether they fit, and how they
// are made.
#pragma once

#include <string>
#include <string_view>

#include "postgres/connection.hpp"

namespace eventcollect::postgres {

// As SQL takes them.
struct TableNames {
  // `table` is NAME or SCHEMA.NAME. Throws ConfigError.
  explicit TableNames(std::string_view table);

  std::string events;
  std::string ledger;
};

// Makes what is missing, if `create`. Throws SinkError, misconfigured where the table is none that
// events can be kept in.
void prepare_events_table(Connection& connection, const TableNames& names, bool create);
void prepare_ledger_table(Connection& connection, const TableNames& names, bool create);

}  // namespace eventcollect::postgres
