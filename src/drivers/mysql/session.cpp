#include "drivers/mysql/session.hpp"

#include <fmt/format.h>
#include <mysqld_error.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "drivers/mysql/options.hpp"
#include "drivers/mysql/quoting.hpp"

namespace eventcollect {

using mysql::literal;
using mysql::Outcome;
using mysql::ServerError;

namespace {

using std::chrono::steady_clock;

// How often a transaction that others made fail is run.
constexpr int max_attempts = 5;

// How many of these keys the ledger is asked for at once, one at least.
std::size_t keys_for_query(std::span<const std::string> keys, std::size_t max_bytes) {
  constexpr std::size_t max_keys = 1'000;
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (count < keys.size() && count < max_keys) {
    bytes += 2 * keys[count].size() + 3;  // each character may be escaped; quotes and a comma
    if (count > 0 && bytes > max_bytes) break;
    ++count;
  }
  return count;
}

const MysqlSinkOptions& checked(const MysqlSinkOptions& options) {
  mysql::check(options);
  return options;
}

}  // namespace

MysqlSink::Session::Session(const MysqlSinkOptions& options)
    : create_{options.create},
      timeout_{options.timeout},
      names_{options.table},
      connection_{checked(options)},
      insert_{names_.events.quoted},
      writer_{connection_, insert_} {}

void MysqlSink::Session::work_on_connection(const std::function<void()>& work) {
  connection_.set_deadline(steady_clock::now() + timeout_);
  const bool was_open = connection_.is_open();
  try {
    try {
      make_ready();
      work();
    } catch (const sink::ConnectionLost&) {
      if (!was_open || load_) throw;
      make_ready();
      work();
    }
  } catch (...) {
    load_.reset();
    connection_.close();
    throw;
  }
}

void MysqlSink::Session::make_ready() {
  if (connection_.is_open()) return;
  connection_.open();
  lock_timeout_ = {};
  prepare_events_table(connection_, names_, create_);
  has_ledger_ = false;
}

// Begins a transaction that waits so long for a lock.
void MysqlSink::Session::begin_transaction(std::chrono::milliseconds lock_timeout) {
  set_lock_timeout(lock_timeout);
  connection_.run("START TRANSACTION", "begin a transaction");
}

void MysqlSink::Session::set_lock_timeout(std::chrono::milliseconds timeout) {
  // The least that MySQL takes is a second.
  const auto seconds =
      std::max(std::chrono::floor<std::chrono::seconds>(timeout), std::chrono::seconds{1});
  if (lock_timeout_ == seconds) return;
  connection_.run(fmt::format("SET SESSION innodb_lock_wait_timeout = {}", seconds.count()),
                  "set the lock timeout");
  lock_timeout_ = seconds;
}

void MysqlSink::Session::write(const Batch& batch, Rejections& rejections) {
  Rejections of_attempt;
  work_on_connection([&] {
    of_attempt.clear();  // the work may be done again on a new connection
    load_ ? write_in_load(batch, of_attempt) : write_transaction(batch, of_attempt);
  });
  rejections.add(of_attempt);
}

void MysqlSink::Session::write_transaction(const Batch& batch, Rejections& rejections) {
  for (int attempt = 1;; ++attempt) {
    begin_transaction(timeout_ / 4);  // so that there is time left to try again
    auto error = writer_.store(batch, rejections);
    if (!error) error = commit_transaction();
    if (!error) return;
    rejections.clear();
    if (!error->is_passing() || attempt == max_attempts) {
      throw error->as_error(fmt::format("cannot write to {}", names_.events.quoted));
    }
    // A deadlock has rolled back all of it, a lock timeout one statement.
    connection_.run("ROLLBACK", "roll back");
  }
}

void MysqlSink::Session::write_in_load(const Batch& batch, Rejections& rejections) {
  const auto error = writer_.store(batch, rejections);
  if (error) throw error->as_error(fmt::format("cannot load into {}", names_.events.quoted));
  load_->events += batch.size() - rejections.size();
}

// From the moment when the server may have the word, only its answer settles the matter. Returns
// an error after which nothing is stored.
std::optional<ServerError> MysqlSink::Session::commit_transaction() {
  std::optional<ServerError> error;
  try {
    error = connection_.run("COMMIT").error;
  } catch (const Error& lost) {
    throw Error{Error::in_doubt, fmt::format("{} (in COMMIT)", lost.what())};
  }
  if (!error || error->is_passing()) return error;
  throw Error{Error::in_doubt, error->as_error("cannot commit").what()};
}

void MysqlSink::Session::maintain() {
  if (load_) return;
  work_on_connection([&] { probe(); });
}

// A write without events fails where a write with some would, but for a full disk.
void MysqlSink::Session::probe() {
  const std::string doing = fmt::format("write to {}", names_.events.quoted);
  begin_transaction(timeout_ / 4);
  connection_.run(insert_.without_rows(), doing);
  connection_.run("COMMIT", doing);
}

LoadStart MysqlSink::Session::begin(std::string_view object_key, std::string_view selection) {
  if (load_) throw std::logic_error{"MysqlSink: begin() before the last load was ended"};
  LoadStart start = LoadStart::busy;
  work_on_connection([&] {
    prepare_ledger();
    const Load load{literal(object_key), literal(selection), 0};
    start = insert_ledger_line(load);
    if (start == LoadStart::begun) {
      load_ = load;
    } else {
      connection_.run("ROLLBACK", "roll back");
    }
  });
  return start;
}

void MysqlSink::Session::prepare_ledger() {
  if (!has_ledger_) prepare_ledger_table(connection_, names_, create_);
  has_ledger_ = true;
}

// Begins a transaction with it. Who has written the same line and not yet committed is not waited
// for: there are other objects to load.
LoadStart MysqlSink::Session::insert_ledger_line(const Load& load) {
  const std::string doing = fmt::format("write to {}", names_.ledger.quoted);
  // Two may both find no line: then one of them waits for the other, a second at most.
  begin_transaction(std::chrono::seconds{1});
  Outcome outcome = connection_.run(
      fmt::format("SELECT 1 FROM {} WHERE object_key = {} AND selection IN ('', {}) "
                  "FOR UPDATE NOWAIT",
                  names_.ledger.quoted, load.object_key, load.selection));
  if (!outcome.error && !outcome.rows.empty()) return LoadStart::loaded;
  if (!outcome.error) {
    outcome =
        connection_.run(fmt::format("INSERT INTO {} (object_key, selection, events, loaded_at) "
                                    "VALUES ({}, {}, 0, NOW(3))",
                                    names_.ledger.quoted, load.object_key, load.selection));
  }
  if (!outcome.error) {
    set_lock_timeout(timeout_);  // a lock that ends a load takes all of it along
    return LoadStart::begun;
  }
  if (outcome.error->is_passing()) return LoadStart::busy;
  if (outcome.error->code == ER_DUP_ENTRY) return LoadStart::loaded;
  throw outcome.error->as_error(fmt::format("cannot {}", doing));
}

std::vector<bool> MysqlSink::Session::loaded(std::span<const std::string> object_keys,
                                             std::string_view selection) {
  if (load_) throw std::logic_error{"MysqlSink: loaded() while a load is open"};
  std::vector<bool> loaded;
  work_on_connection([&] {
    prepare_ledger();
    loaded.clear();
    loaded.reserve(object_keys.size());
    for (auto left = object_keys; !left.empty();) {
      const auto some = left.first(keys_for_query(left, connection_.facts().max_packet_bytes / 2));
      left = left.subspan(some.size());
      connection_.set_deadline(steady_clock::now() + timeout_);
      ask_ledger(some, selection, loaded);
    }
  });
  return loaded;
}

// Appends the answers to `loaded`.
void MysqlSink::Session::ask_ledger(std::span<const std::string> object_keys,
                                    std::string_view selection, std::vector<bool>& loaded) {
  std::string keys;
  for (const std::string& key : object_keys) {
    if (!keys.empty()) keys.push_back(',');
    mysql::append_literal(keys, key);
  }
  const Outcome outcome =
      connection_.run(fmt::format("SELECT DISTINCT object_key FROM {} WHERE object_key IN ({}) "
                                  "AND selection IN ('', {})",
                                  names_.ledger.quoted, keys, literal(selection)),
                      fmt::format("read {}", names_.ledger.quoted));
  std::set<std::string_view> found;
  for (const auto& row : outcome.rows) found.insert(row.at(0));
  for (const std::string& key : object_keys) loaded.push_back(found.contains(key));
}

void MysqlSink::Session::commit() {
  if (!load_) throw std::logic_error{"MysqlSink: commit() without begin()"};
  work_on_connection([&] {
    auto error = connection_
                     .run(fmt::format("UPDATE {} SET events = {}, loaded_at = NOW(3) "
                                      "WHERE object_key = {} AND selection = {}",
                                      names_.ledger.quoted, load_->events, load_->object_key,
                                      load_->selection))
                     .error;
    if (!error) error = commit_transaction();
    if (error) throw error->as_error("cannot commit the load");
    load_.reset();
  });
}

void MysqlSink::Session::roll_back() noexcept {
  if (!load_) return;
  try {
    work_on_connection([&] {
      connection_.run("ROLLBACK", "roll back");
      load_.reset();
    });
  } catch (const std::exception&) {
    // The connection is closed: the server rolls back by itself.
  }
}

}  // namespace eventcollect
