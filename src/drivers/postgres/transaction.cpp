#include "drivers/postgres/transaction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace eventcollect::postgres {
SessionSettings read_settings(Connection& connection) {
  const Outcome outcome = connection.run(
      "SELECT (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'),"
      " current_setting('synchronous_commit') = 'off', current_setting('server_encoding'),"
      " pg_catalog.current_database()");
  if (outcome.error) throw outcome.error->as_error("cannot read the settings");
  if (outcome.text(0, 2) != "UTF8") {
    throw Error{Error::misconfigured,
                fmt::format("postgres: the database {} has the encoding {}, events need UTF8",
                            outcome.text(0, 3), outcome.text(0, 2))};
  }
  const std::string_view timeout = outcome.text(0, 0);
  std::int64_t milliseconds = 0;
  std::from_chars(timeout.data(), timeout.data() + timeout.size(), milliseconds);
  return {std::chrono::milliseconds{milliseconds}, outcome.is_true(0, 1)};
}

std::string begin_statements(const SessionSettings& settings, Deadline deadline) {
  // The server is to give up when we do, or locks would stay behind.
  auto limit =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  limit = std::max(limit, std::chrono::milliseconds{1});
  if (settings.statement_timeout.count() > 0) limit = std::min(limit, settings.statement_timeout);
  // A constraint that waited for COMMIT could not be blamed on an event.
  return fmt::format(
      "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {}; "
      "SET LOCAL client_min_messages = error; SET CONSTRAINTS ALL IMMEDIATE; {}",
      limit.count(), settings.is_asynchronous ? "SET LOCAL synchronous_commit = on; " : "");
}

}  // namespace eventcollect::postgres
