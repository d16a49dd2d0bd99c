// Rows into the table one by one, to find those that it rejects.
#pragma once

#include <optional>

#include "drivers/postgres/row_format.hpp"
#include "drivers/postgres/table.hpp"
#include "eventcollect/batch.hpp"
#include "eventcollect/rejections.hpp"

namespace eventcollect::postgres {

// Inserts within a transaction that has begun, all rows in one round trip.
class RowInserter {
 public:
  RowInserter(Connection& connection, const TableNames& names, RowBuffer& buffer)
      : connection_{connection}, names_{names}, buffer_{buffer} {}

  // Adds those that the table does not take to `rejections`. Returns an error that is no event's
  // fault: the transaction is of no use then.
  std::optional<ServerError> insert(const Batch& batch, Rows rows, Rejections& rejections);

 private:
  bool send(const Batch& batch, Rows rows);
  std::optional<ServerError> receive(const Batch& batch, Rows rows, Rejections& rejections);

  Connection& connection_;
  const TableNames& names_;
  RowBuffer& buffer_;
};

}  // namespace eventcollect::postgres
