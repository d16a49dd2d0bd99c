// A transaction that stores events.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drivers/postgres/row_format.hpp"
#include "drivers/postgres/table.hpp"
#include "eventcollect/batch.hpp"
#include "eventcollect/rejections.hpp"

namespace eventcollect::postgres {

// Settings of the session that a transaction has to know. They are the role's, so that they are the
// same in every session that a pooler lends us.
struct SessionSettings {
  std::chrono::milliseconds statement_timeout{0};  // 0 is none
  bool is_asynchronous = false;                    // synchronous_commit = off
};

// Throws Error, where the database is of no use also as misconfigured.
SessionSettings read_settings(Connection& connection);

// The statements that begin every transaction of ours.
std::string begin_statements(const SessionSettings& settings, Deadline deadline);

// Stores events within a transaction that is begun. Needs a new object for each transaction. What
// a function returns is an error that is no event's fault: the transaction is of no use then.
class EventWriter {
 public:
  // `expects_duplicates` is what the last writer found out, and outlives this.
  EventWriter(Connection& connection, const TableNames& names, RowBuffer& buffer,
              bool& expects_duplicates)
      : connection_{connection},
        names_{names},
        buffer_{buffer},
        expects_duplicates_{expects_duplicates} {}

  // Adds those that the table does not take to `rejections`.
  std::optional<ServerError> store(const Batch& batch, Rejections& rejections);

 private:
  enum class Way : std::uint8_t { straight, staged };

  std::optional<ServerError> store(Rows rows, Way way);
  int tries_left() const;
  std::optional<ServerError> copy(Rows rows, Way way);
  std::optional<ServerError> copy_straight(Rows rows);
  std::optional<ServerError> copy_staged(Rows rows);
  std::optional<ServerError> insert_each(Rows rows);
  std::optional<ServerError> try_each(Rows rows, Rejections& rejections);
  bool send_each(Rows rows);
  std::optional<ServerError> collect_each(Rows rows, Rejections& rejections);

  Connection& connection_;
  const TableNames& names_;
  RowBuffer& buffer_;
  bool& expects_duplicates_;
  const Batch* batch_ = nullptr;
  Rejections* rejections_ = nullptr;
  bool has_staging_table_ = false;
  bool has_stored_ = false;
};

}  // namespace eventcollect::postgres
