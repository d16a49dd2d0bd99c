#include "drivers/postgres/server_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/printable.hpp"
#include "drivers/postgres/columns.hpp"

namespace eventcollect::postgres {
namespace {

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text != nullptr ? text : "";
}

}  // namespace

ServerError ServerError::of(const PGresult* result) {
  constexpr std::size_t max_message_bytes = 1'024;
  return {field(result, PG_DIAG_SQLSTATE),
          base::printable(field(result, PG_DIAG_MESSAGE_PRIMARY), max_message_bytes),
          field(result, PG_DIAG_COLUMN_NAME)};
}

bool ServerError::is_poison() const {
  // These two mean that the server reads the binary form otherwise than we write it, because the
  // table was changed: no event is to blame.
  if (sqlstate == "22P03" || sqlstate == "22P04") return false;
  // A column that we do not fill must not be empty: then no event will do.
  if (sqlstate == "23502") {
    return std::any_of(columns.begin(), columns.end(),
                       [&](const Column& known) { return known.name == column; });
  }
  return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate == "54000";
}

Error ServerError::as_error(std::string_view what) const {
  return {kind_of(sqlstate),
          fmt::format("postgres: {}: {} (SQLSTATE {})", what, message, sqlstate)};
}

Error::Kind kind_of(std::string_view sqlstate) {
  // What does not go away by itself: unknown names, types, rights, passwords, features, and what a
  // trigger raises.
  constexpr std::array<std::string_view, 11> lasting{"0A", "0L", "0P", "22", "23", "28",
                                                     "2B", "3D", "3F", "42", "P0"};
  const std::string_view group = sqlstate.substr(0, 2);
  return std::find(lasting.begin(), lasting.end(), group) != lasting.end() ? Error::misconfigured
                                                                           : Error::unavailable;
}

}  // namespace eventcollect::postgres
