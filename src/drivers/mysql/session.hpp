// What a MysqlSink is: a connection, its transactions and a load.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/mysql/connection.hpp"
#include "drivers/mysql/event_writer.hpp"
#include "drivers/mysql/insert_statement.hpp"
#include "drivers/mysql/table.hpp"
#include "eventcollect/mysql.hpp"

namespace eventcollect {

class MysqlSink::Session {
 public:
  explicit Session(const MysqlSinkOptions& options);

  void write(const Batch& batch, Rejections& rejections);
  void maintain();
  LoadStart begin(std::string_view object_key, std::string_view selection);
  void commit();
  void roll_back() noexcept;
  std::vector<bool> loaded(std::span<const std::string> object_keys, std::string_view selection);

 private:
  struct Load {
    std::string object_key;  // as literals
    std::string selection;
    std::uint64_t events = 0;
  };

  // Does `work` by the deadline, on a connection that is ready. One that turns out to be lost since
  // its last use is made anew, once. After any exception there is no connection and no load.
  void work_on_connection(const std::function<void()>& work);
  void make_ready();

  void begin_transaction(std::chrono::milliseconds lock_timeout);
  void set_lock_timeout(std::chrono::milliseconds timeout);

  void write_transaction(const Batch& batch, Rejections& rejections);
  void write_in_load(const Batch& batch, Rejections& rejections);
  void probe();
  void prepare_ledger();
  LoadStart insert_ledger_line(const Load& load);
  void ask_ledger(std::span<const std::string> object_keys, std::string_view selection,
                  std::vector<bool>& loaded);
  std::optional<mysql::ServerError> commit_transaction();

  const bool create_;
  const std::chrono::milliseconds timeout_;
  const mysql::TableNames names_;
  mysql::Connection connection_;
  mysql::InsertStatement insert_;
  mysql::EventWriter writer_;

  std::optional<Load> load_;
  bool has_ledger_ = false;
  std::chrono::seconds lock_timeout_{};  // as the session has it; 0 where that is not known
};

}  // namespace eventcollect
