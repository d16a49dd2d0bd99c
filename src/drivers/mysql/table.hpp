// The table of the events and the one of the ledger: their names, whether they fit, and how they
// are made.
#pragma once

#include <string>
#include <string_view>

#include "drivers/mysql/connection.hpp"

namespace eventcollect::mysql {

// A table's name, in the forms that statements need.
struct TableName {
  // Throws ConfigError. Without a `database` it is that of the connection.
  TableName(std::string_view database, std::string_view table);

  std::string quoted;     // `database`.`table`
  std::string condition;  // on the columns of information_schema
};

struct TableNames {
  // `table` is NAME or DATABASE.NAME. Throws ConfigError.
  explicit TableNames(std::string_view table);

  TableName events;
  TableName ledger;
};

// Make the table if it is missing and `create` is on. Throw Error, misconfigured where it is none
// that can be used.
void prepare_events_table(Connection& connection, const TableNames& names, bool create);
void prepare_ledger_table(Connection& connection, const TableNames& names, bool create);

}  // namespace eventcollect::mysql
