// Events into the table, whatever is there already and whichever of them it rejects.
#pragma once

#include <optional>

#include "drivers/postgres/row_copier.hpp"
#include "drivers/postgres/row_inserter.hpp"

namespace eventcollect::postgres {

// Stores events within a transaction that has begun: copies them in bulk, and halves what fails
// until it is few enough to insert one by one. Needs a new object for each transaction. What a
// function returns is an error that is no event's fault: the transaction is of no use then.
class EventWriter {
 public:
  // `expects_duplicates` is what the last writer found out, and outlives this.
  EventWriter(Connection& connection, const TableNames& names, RowBuffer& buffer,
              bool& expects_duplicates)
      : copier_{connection, names, buffer, expects_duplicates},
        inserter_{connection, names, buffer} {}

  // Adds those that the table does not take to `rejections`.
  std::optional<ServerError> store(const Batch& batch, Rejections& rejections);

 private:
  using Way = RowCopier::Way;

  std::optional<ServerError> store(const Batch& batch, Rows rows, Way way, Rejections& rejections);
  std::optional<ServerError> copy(const Batch& batch, Rows rows, Way way);
  std::optional<ServerError> insert(const Batch& batch, Rows rows, Rejections& rejections);
  template <typename Attempt>
  std::optional<ServerError> repeat_while_passing(const Attempt& attempt) const;

  RowCopier copier_;
  RowInserter inserter_;
  bool has_stored_ = false;
};

}  // namespace eventcollect::postgres
