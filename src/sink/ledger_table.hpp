// The name of the table that a ledger is kept in.
#pragma once

#include <string>
#include <string_view>

namespace eventcollect::sink {

// Of the ledger beside the table of events `events_table`: each table has loads of its own.
inline std::string ledger_table(std::string_view events_table) {
  constexpr std::string_view ledger = "eventcollect_loads";
  if (events_table == "events") return std::string{ledger};
  return std::string{ledger} + '_' + std::string{events_table};
}

}  // namespace eventcollect::sink
