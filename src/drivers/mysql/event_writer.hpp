// Events into the table, whatever is there already and whichever of them it rejects.
#pragma once

#include <optional>

#include "drivers/mysql/connection.hpp"
#include "drivers/mysql/insert_statement.hpp"
#include "eventcollect/batch.hpp"
#include "eventcollect/rejections.hpp"

namespace eventcollect::mysql {

// Stores events within a transaction that has begun, in few statements, and halves those that fail
// until they are few enough to go one by one. A statement that fails leaves no row behind.
class EventWriter {
 public:
  // Both outlive this.
  EventWriter(Connection& connection, InsertStatement& statement)
      : connection_{connection}, statement_{statement} {}

  // Adds those that the table does not take to `rejections`. Returns an error that is no event's
  // fault: the transaction is of no use then.
  std::optional<ServerError> store(const Batch& batch, Rejections& rejections);

 private:
  std::optional<ServerError> store(const Batch& batch, event::Rows rows, Rejections& rejections);
  std::optional<ServerError> halve(const Batch& batch, event::Rows rows, const ServerError& error,
                                   Rejections& rejections);

  Connection& connection_;
  InsertStatement& statement_;
};

}  // namespace eventcollect::mysql
