// What a PostgresSink is: a connection, its transactions and a load.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/postgres/connection.hpp"
#include "drivers/postgres/event_writer.hpp"
#include "drivers/postgres/row_format.hpp"
#include "drivers/postgres/table.hpp"
#include "drivers/postgres/transaction.hpp"
#include "eventcollect/postgres.hpp"

namespace eventcollect {

class PostgresSink::Session {
 public:
  explicit Session(const PostgresSinkOptions& options);

  void write(const Batch& batch, Rejections& rejections);
  void maintain();
  LoadStart begin(std::string_view object_key, std::string_view selection);
  void commit();
  void roll_back() noexcept;
  std::vector<bool> loaded(std::span<const std::string> object_keys, std::string_view selection);

 private:
  // Does `work` by the deadline, on a connection that is ready. One that turns out to be lost since
  // its last use is made anew, once. After any exception there is no connection and no load.
  void work_on_connection(const std::function<void()>& work);
  void make_ready();
  std::string begin_statements() const;

  void write_transaction(const Batch& batch, Rejections& rejections);
  void write_in_load(const Batch& batch, Rejections& rejections);
  void probe();
  void prepare_ledger();
  LoadStart insert_ledger_line(const std::string& object_key, const std::string& selection);
  void ask_ledger(std::span<const std::string> object_keys, std::string_view selection,
                  std::vector<bool>& loaded);
  std::optional<postgres::ServerError> finish_transaction();
  void throw_if_changed(const postgres::ServerError& error) const;

  postgres::Connection connection_;
  postgres::TableNames names_;
  const bool create_;
  const std::chrono::milliseconds timeout_;

  postgres::SessionSettings settings_;
  std::string check_table_;  // as prepare_events_table() returned it
  postgres::RowBuffer buffer_;
  bool expects_duplicates_ = false;

  struct Load {
    std::string object_key;
    std::string selection;
    std::uint64_t events = 0;
    postgres::EventWriter writer;
  };
  std::optional<Load> load_;
  bool has_ledger_ = false;
};

}  // namespace eventcollect
