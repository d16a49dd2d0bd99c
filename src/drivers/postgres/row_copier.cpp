#include "drivers/postgres/row_copier.hpp"

#include <fmt/format.h>

namespace eventcollect::postgres {
namespace {

constexpr std::string_view staging_table = "pg_temp.eventcollect_staging";

}  // namespace

std::optional<ServerError> RowCopier::copy(const Batch& batch, Rows rows, Way way) {
  auto error = way == Way::straight ? copy_straight(batch, rows) : copy_staged(batch, rows);
  if (error) {
    connection_.prepend("ROLLBACK TO SAVEPOINT eventcollect; RELEASE SAVEPOINT eventcollect; ");
  }
  return error;
}

std::optional<ServerError> RowCopier::copy_straight(const Batch& batch, Rows rows) {
  RowStream stream{batch, rows, buffer_};
  auto outcome = connection_.copy(
      fmt::format("SAVEPOINT eventcollect; COPY {} ({}) FROM STDIN (FORMAT binary)", names_.events,
                  column_list),
      stream);
  if (!outcome.error) connection_.prepend("RELEASE SAVEPOINT eventcollect; ");
  return outcome.error;
}

std::optional<ServerError> RowCopier::copy_staged(const Batch& batch, Rows rows) {
  if (!has_staging_table_) {
    // Not within the savepoint, where the next rejection would drop it.
    auto outcome = connection_.run(
        fmt::format("CREATE TEMP TABLE eventcollect_staging ON COMMIT DROP AS SELECT {} FROM {} "
                    "WITH NO DATA",
                    column_list, names_.events));
    if (outcome.error) throw outcome.error->as_error("cannot make a temporary table");
    has_staging_table_ = true;
  }
  RowStream stream{batch, rows, buffer_};
  auto outcome = connection_.copy(
      fmt::format("SAVEPOINT eventcollect; COPY {} FROM STDIN (FORMAT binary)", staging_table),
      stream);
  if (!outcome.error) {
    outcome =
        connection_.run(fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2} ORDER BY event_id "
                                    "ON CONFLICT (event_id) DO NOTHING",
                                    names_.events, column_list, staging_table));
  }
  if (!outcome.error) {
    // What is loaded again comes in long runs, which a straight copy would begin in vain.
    expects_duplicates_ = outcome.rows() < rows.size();
    connection_.prepend(
        fmt::format("RELEASE SAVEPOINT eventcollect; TRUNCATE {}; ", staging_table));
  }
  return outcome.error;
}

}  // namespace eventcollect::postgres
