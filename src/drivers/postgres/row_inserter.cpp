#include "drivers/postgres/row_inserter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace eventcollect::postgres {

std::optional<ServerError> RowInserter::insert(const Batch& batch, Rows rows,
                                               Rejections& rejections) {
  auto outcome = connection_.run("SAVEPOINT eventcollect");
  if (outcome.error) return outcome.error;
  if (PQenterPipelineMode(connection_.raw()) != 1 || !send(batch, rows)) connection_.lose();
  connection_.flush();
  auto error = receive(batch, rows, rejections);
  if (PQexitPipelineMode(connection_.raw()) != 1) connection_.lose();
  connection_.prepend("RELEASE SAVEPOINT eventcollect; ");
  return error;
}

// What follows a statement that failed is passed over until the next synchronization. So a row that
// is taken moves the savepoint behind itself, and one that is rejected leaves it where it was; to
// go back there is right in both cases.
bool RowInserter::send(const Batch& batch, Rows rows) {
  PGconn* to = connection_.raw();
  const auto run = [to](const char* statement) {
    return PQsendQueryParams(to, statement, 0, nullptr, nullptr, nullptr, nullptr, 0) == 1;
  };
  const std::string insert = fmt::format(
      "INSERT INTO {} ({}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) "
      "ON CONFLICT (event_id) DO NOTHING",
      names_.events, column_list);
  constexpr std::array binary{1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  static_assert(binary.size() == columns.size());
  return std::all_of(rows.begin(), rows.end(), [&](std::uint32_t row) {
    buffer_.clear();
    buffer_.append(batch[row]);
    const RowValues row_values{buffer_.view()};
    return PQsendQueryParams(to, insert.c_str(), static_cast<int>(columns.size()), nullptr,
                             row_values.values.data(), row_values.lengths.data(), binary.data(),
                             0) == 1 &&
           run("RELEASE SAVEPOINT eventcollect") && run("SAVEPOINT eventcollect") &&
           PQpipelineSync(to) == 1 && run("ROLLBACK TO SAVEPOINT eventcollect") &&
           PQpipelineSync(to) == 1;
  });
}

// Two synchronizations belong to each row. Returns the first error that is no event's fault.
std::optional<ServerError> RowInserter::receive(const Batch& batch, Rows rows,
                                                Rejections& rejections) {
  std::optional<ServerError> fault;
  for (std::size_t synchronizations = 0; synchronizations < 2 * rows.size();) {
    const Result result = connection_.next_result();
    if (PQstatus(connection_.raw()) != CONNECTION_OK) connection_.lose();
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_PIPELINE_SYNC) ++synchronizations;
    if (!result || status != PGRES_FATAL_ERROR || fault) continue;
    ServerError error = ServerError::of(result.get());
    if (error.is_poison()) {
      rejections.add(batch[rows[synchronizations / 2]],
                     fmt::format("{} (SQLSTATE {})", error.message, error.sqlstate));
    } else {
      fault = std::move(error);
    }
  }
  return fault;
}

}  // namespace eventcollect::postgres
