// Rows into the table with COPY.
#pragma once

#include <cstdint>
#include <optional>

#include "drivers/postgres/row_format.hpp"
#include "drivers/postgres/table.hpp"
#include "eventcollect/batch.hpp"

namespace eventcollect::postgres {

// Copies rows within a transaction that has begun, all of them or none: an error leaves the
// transaction as it was before. Needs a new object for each transaction.
class RowCopier {
 public:
  enum class Way : std::uint8_t {
    straight,  // into the table itself: the fastest, but a key that is there already fails
    staged,    // through a temporary table: rows whose key is there already are passed over
  };

  // `expects_duplicates` outlives this, and is what the last transaction found out.
  RowCopier(Connection& connection, const TableNames& names, RowBuffer& buffer,
            bool& expects_duplicates)
      : connection_{connection},
        names_{names},
        buffer_{buffer},
        expects_duplicates_{expects_duplicates} {}

  std::optional<ServerError> copy(const Batch& batch, Rows rows, Way way);

  // The way for the next rows, by what the last ones have shown.
  Way best_way() const { return expects_duplicates_ ? Way::staged : Way::straight; }
  void expect_duplicates() { expects_duplicates_ = true; }

 private:
  std::optional<ServerError> copy_straight(const Batch& batch, Rows rows);
  std::optional<ServerError> copy_staged(const Batch& batch, Rows rows);

  Connection& connection_;
  const TableNames& names_;
  RowBuffer& buffer_;
  bool& expects_duplicates_;
  bool has_staging_table_ = false;
};

}  // namespace eventcollect::postgres
