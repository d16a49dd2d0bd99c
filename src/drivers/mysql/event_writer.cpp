#include "drivers/mysql/event_writer.hpp"

#include <fmt/format.h>
#include <mysqld_error.h>

#include <algorithm>

namespace eventcollect::mysql {
namespace {

// Of large events. Each statement is in the server's memory as a whole.
constexpr std::size_t max_statement_bytes = 1 << 20;

// So many rows or fewer are tried one by one when one of them is rejected. To halve them further
// would take as long and, where many are rejected, twice as long.
constexpr std::size_t few_rows = 16;

std::string reason_of(const ServerError& error) {
  // The statement makes this error itself, since no event comes without an id.
  const bool is_other_key =
      error.code == ER_BAD_NULL_ERROR && error.message.find("'event_id'") != std::string::npos;
  if (!is_other_key) return error.reason();
  return "another event has the same key in a unique index of the table";
}

}  // namespace

std::optional<ServerError> EventWriter::store(const Batch& batch, Rejections& rejections) {
  statement_.set_max_bytes(std::min(max_statement_bytes, connection_.facts().max_packet_bytes));
  return store(batch, event::by_id(batch), rejections);
}

// Rows are a run of those ordered by id, so that the halves come in that order too.
std::optional<ServerError> EventWriter::store(const Batch& batch, event::Rows rows,
                                              Rejections& rejections) {
  while (!rows.empty()) {
    const std::size_t count = statement_.fill(batch, rows);
    std::optional<ServerError> error;
    if (statement_.bytes() > connection_.facts().max_packet_bytes) {
      rejections.add(batch[rows.front()],
                     fmt::format("the event takes {} bytes as a row, more than the server's "
                                 "max_allowed_packet of {}",
                                 statement_.bytes(), connection_.facts().max_packet_bytes));
    } else {
      error = connection_.execute(statement_.text(), statement_.values());
    }
    if (error && !error->is_poison()) return error;
    if (error) error = halve(batch, rows.first(count), *error, rejections);
    if (error) return error;
    rows = rows.subspan(count);
  }
  return std::nullopt;
}

std::optional<ServerError> EventWriter::halve(const Batch& batch, event::Rows rows,
                                              const ServerError& error, Rejections& rejections) {
  if (rows.size() == 1) {
    rejections.add(batch[rows.front()], reason_of(error));
    return std::nullopt;
  }
  const std::size_t part = rows.size() <= few_rows ? 1 : rows.size() / 2;
  while (!rows.empty()) {
    const event::Rows some = rows.first(std::min(rows.size(), part));
    if (auto fault = store(batch, some, rejections)) return fault;
    rows = rows.subspan(some.size());
  }
  return std::nullopt;
}

}  // namespace eventcollect::mysql
