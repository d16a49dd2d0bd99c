#include "drivers/postgres/transaction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace eventcollect::postgres {
namespace {

// So many rows or fewer are tried one by one when one of them is rejected. To halve them further
// would take as long and, where many are rejected, longer.
constexpr std::size_t few_rows = 64;

// How often a deadlock is tried again.
constexpr int max_tries = 3;

constexpr std::string_view staging_table = "pg_temp.eventcollect_staging";

std::string into_events(const TableNames& names) {
  return fmt::format("INSERT INTO {} ({}) ", names.events, column_list);
}

constexpr std::string_view unless_there = " ON CONFLICT (event_id) DO NOTHING";

}  // namespace

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

std::optional<ServerError> EventWriter::store(const Batch& batch, Rejections& rejections) {
  batch_ = &batch;
  rejections_ = &rejections;
  return store(by_id(batch), expects_duplicates_ && !batch.empty() ? Way::staged : Way::straight);
}

// Rows are a run of those ordered by id, so that the halves come in that order too.
std::optional<ServerError> EventWriter::store(Rows rows, Way way) {
  auto error = copy(rows, way);
  for (int left = tries_left(); error && error->is_passing() && left > 0; --left) {
    error = copy(rows, way);
  }
  if (!error || !error->is_poison()) return error;
  if (rows.size() <= few_rows) return insert_each(rows);
  // Where the key is there already, rows take the way that passes over them. A key of the user's
  // own fails there too.
  if (way == Way::straight && error->is_duplicate_key()) {
    expects_duplicates_ = true;
    return store(rows, Way::staged);
  }
  const std::size_t half = rows.size() / 2;
  if ((error = store(rows.first(half), way))) return error;
  return store(rows.subspan(half), way);
}

// Whoever waits for rows that are stored here waits until the end: to try again would only be the
// same deadlock.
int EventWriter::tries_left() const { return has_stored_ ? 0 : max_tries; }

std::optional<ServerError> EventWriter::copy(Rows rows, Way way) {
  auto error = way == Way::straight ? copy_straight(rows) : copy_staged(rows);
  if (!error && !rows.empty()) has_stored_ = true;
  if (error) {
    connection_.prepend("ROLLBACK TO SAVEPOINT eventcollect; RELEASE SAVEPOINT eventcollect; ");
  }
  return error;
}

std::optional<ServerError> EventWriter::copy_straight(Rows rows) {
  RowStream stream{*batch_, rows, buffer_};
  auto outcome = connection_.copy(
      fmt::format("SAVEPOINT eventcollect; COPY {} ({}) FROM STDIN (FORMAT binary)", names_.events,
                  column_list),
      stream);
  if (!outcome.error) connection_.prepend("RELEASE SAVEPOINT eventcollect; ");
  return outcome.error;
}

std::optional<ServerError> EventWriter::copy_staged(Rows rows) {
  if (!has_staging_table_) {
    // Not within the savepoint, where the next rejection would drop it.
    auto outcome = connection_.run(
        fmt::format("CREATE TEMP TABLE eventcollect_staging ON COMMIT DROP AS SELECT {} FROM {} "
                    "WITH NO DATA",
                    column_list, names_.events));
    if (outcome.error) throw outcome.error->as_error("cannot make a temporary table");
    has_staging_table_ = true;
  }
  RowStream stream{*batch_, rows, buffer_};
  auto outcome = connection_.copy(
      fmt::format("SAVEPOINT eventcollect; COPY {} FROM STDIN (FORMAT binary)", staging_table),
      stream);
  if (!outcome.error) {
    outcome =
        connection_.run(fmt::format("{} SELECT {} FROM {} ORDER BY event_id {}",
                                    into_events(names_), column_list, staging_table, unless_there));
  }
  if (!outcome.error) {
    // What is loaded again comes in long runs, which a straight copy would begin in vain.
    expects_duplicates_ = outcome.rows() < rows.size();
    connection_.prepend(
        fmt::format("RELEASE SAVEPOINT eventcollect; TRUNCATE {}; ", staging_table));
  }
  return outcome.error;
}

// Each row by itself, all of them in one round trip.
std::optional<ServerError> EventWriter::insert_each(Rows rows) {
  Rejections of_attempt;
  auto error = try_each(rows, of_attempt);
  for (int left = tries_left(); error && error->is_passing() && left > 0; --left) {
    of_attempt.clear();
    error = try_each(rows, of_attempt);
  }
  rejections_->add(of_attempt);
  return error;
}

std::optional<ServerError> EventWriter::try_each(Rows rows, Rejections& rejections) {
  auto outcome = connection_.run("SAVEPOINT eventcollect");
  if (outcome.error) return outcome.error;
  if (PQenterPipelineMode(connection_.raw()) != 1 || !send_each(rows)) connection_.lose();
  connection_.flush();
  auto error = collect_each(rows, rejections);
  if (PQexitPipelineMode(connection_.raw()) != 1) connection_.lose();
  connection_.prepend("RELEASE SAVEPOINT eventcollect; ");
  return error;
}

// What follows a statement that failed is passed over until the next synchronization. So a row that
// is taken moves the savepoint behind itself, and one that is rejected leaves it where it was; to
// go back there is right in both cases.
bool EventWriter::send_each(Rows rows) {
  PGconn* to = connection_.raw();
  const auto send = [to](const char* statement) {
    return PQsendQueryParams(to, statement, 0, nullptr, nullptr, nullptr, nullptr, 0) == 1;
  };
  const std::string insert = fmt::format("{} VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) {}",
                                         into_events(names_), unless_there);
  constexpr std::array binary{1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  static_assert(binary.size() == columns.size());
  return std::all_of(rows.begin(), rows.end(), [&](std::uint32_t row) {
    buffer_.clear();
    buffer_.append((*batch_)[row]);
    const RowValues row_values{buffer_.view()};
    return PQsendQueryParams(to, insert.c_str(), static_cast<int>(columns.size()), nullptr,
                             row_values.values.data(), row_values.lengths.data(), binary.data(),
                             0) == 1 &&
           send("RELEASE SAVEPOINT eventcollect") && send("SAVEPOINT eventcollect") &&
           PQpipelineSync(to) == 1 && send("ROLLBACK TO SAVEPOINT eventcollect") &&
           PQpipelineSync(to) == 1;
  });
}

// Two synchronizations belong to each row. Returns the first error that is no event's fault.
std::optional<ServerError> EventWriter::collect_each(Rows rows, Rejections& rejections) {
  std::optional<ServerError> fault;
  for (std::size_t synchronizations = 0; synchronizations < 2 * rows.size();) {
    const Result result = connection_.next_result();
    if (PQstatus(connection_.raw()) != CONNECTION_OK) connection_.lose();
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_PIPELINE_SYNC) ++synchronizations;
    if (!result || status != PGRES_FATAL_ERROR || fault) continue;
    ServerError error = ServerError::of(result.get());
    if (error.is_poison()) {
      rejections.add((*batch_)[rows[synchronizations / 2]],
                     fmt::format("{} (SQLSTATE {})", error.message, error.sqlstate));
    } else {
      fault = std::move(error);
    }
  }
  return fault;
}

}  // namespace eventcollect::postgres
