#include "eventcollect/sqlite.hpp"

#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "drivers/sqlite/connection.hpp"
#include "drivers/sqlite/row.hpp"
#include "drivers/sqlite/tables.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect {
namespace {

using namespace sqlite;

constexpr std::string_view begin_sql = "BEGIN IMMEDIATE";
constexpr std::string_view reading_ledger = "read the ledger";

// What the log may keep on disk once it is done with.
constexpr std::string_view log_limit_sql = "PRAGMA journal_size_limit = 67108864";

// Readers do not block writers then, and a commit is one sync. Two that do so at once can be told
// that the database is locked without SQLite having waited.
void use_wal(Connection& connection, const Deadline& deadline) {
  constexpr std::string_view doing = "use WAL";
  for (;;) {
    Statement pragma = connection.prepare("PRAGMA journal_mode = WAL", doing);
    const int code = pragma.step();
    if (code == SQLITE_ROW && pragma.text(0) == "wal") return;
    if (code == SQLITE_ROW) {
      throw connection.error(Error::misconfigured,
                             fmt::format("cannot {} here: SQLite stays in the journal mode {}",
                                         doing, pragma.text(0)));
    }
    const bool can_wait = std::chrono::steady_clock::now() < deadline;
    if ((code & 0xff) != SQLITE_BUSY || !can_wait) throw connection.error(code, doing);
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

// An open database, ready to store.
struct Open {
  Connection connection;
  Statement begin;
  Statement insert;
  Statement commit;

  Open(const std::string& file, const TableNames& names, bool create, const Deadline& deadline)
      : connection{file, create, deadline} {
    use_wal(connection, deadline);
    connection.run("PRAGMA synchronous = FULL", "set it up");
    connection.run(log_limit_sql, "set it up");
    begin = connection.prepare(begin_sql, "begin");
    commit = connection.prepare("COMMIT", "commit");
    // Also finds out whether it can be written to.
    begin_transaction();
    prepare_events_table(connection, names, create);
    insert = prepare_insert(connection, names);
    commit_transaction();
  }

  void begin_transaction() {
    begin.next("begin a transaction");
    begin.reset();
  }

  // False where others do not let go of it by the deadline.
  bool try_begin_transaction() {
    const int code = begin.step();
    const bool is_busy = (code & 0xff) == SQLITE_BUSY;
    if (code != SQLITE_DONE && !is_busy) throw connection.error(code, "begin a transaction");
    begin.reset();
    return !is_busy;
  }

  void commit_transaction() {
    const int code = commit.step();
    if (code != SQLITE_DONE) throw connection.commit_error(code);
    commit.reset();
    // What went into a file without a name is gone with it.
    if (connection.has_moved()) {
      throw connection.error(Error::in_doubt, "the file was moved or deleted");
    }
  }
};

}  // namespace

// All but the constructor leaves nothing open behind when it throws.
class SqliteSink::Session {
 public:
  Session(std::string file, const SqliteSinkOptions& options)
      : file_{std::move(file)}, options_{options}, names_{options.table} {}

  void write(const Batch& batch, Rejections& rejections) {
    guarded([&] {
      if (is_loading_) {
        loaded_ += insert(batch, rejections);
        return;
      }
      open();
      needs_probe_ = true;
      open_->begin_transaction();
      insert(batch, rejections);
      open_->commit_transaction();
      needs_probe_ = false;
    });
  }

  void maintain() {
    if (is_loading_) return;
    guarded([&] {
      if (open_ && open_->connection.has_moved()) open_.reset();
      open();
      if (needs_probe_) probe();
    });
  }

  LoadStart begin(std::string_view object_key, std::string_view selection) {
    if (is_loading_) throw std::logic_error{"SqliteSink: begin() while a load is open"};
    return guarded([&] {
      open();
      if (!open_->try_begin_transaction()) return LoadStart::busy;
      prepare_ledger_table(open_->connection, names_, options_.create);
      Statement query = prepare_ledger_query();
      if (is_loaded(query, object_key, selection)) {
        query = {};
        open_->connection.run("ROLLBACK", "roll back");
        return LoadStart::loaded;
      }
      object_key_ = object_key;
      selection_ = selection;
      insert_ledger_line();
      loaded_ = 0;
      is_loading_ = true;
      return LoadStart::begun;
    });
  }

  void commit() {
    if (!is_loading_) throw std::logic_error{"SqliteSink: commit() without a load"};
    guarded([&] {
      needs_probe_ = true;
      complete_ledger_line();
      open_->commit_transaction();
      needs_probe_ = false;
      is_loading_ = false;
    });
  }

  std::vector<bool> loaded(std::span<const std::string> object_keys, std::string_view selection) {
    if (is_loading_) throw std::logic_error{"SqliteSink: loaded() while a load is open"};
    return guarded([&] {
      open();
      if (!has_ledger()) return std::vector<bool>(object_keys.size());
      std::vector<bool> loaded;
      loaded.reserve(object_keys.size());
      Statement query = prepare_ledger_query();
      for (const std::string& key : object_keys) loaded.push_back(is_loaded(query, key, selection));
      return loaded;
    });
  }

  void roll_back() noexcept {
    if (!std::exchange(is_loading_, false)) return;
    try {
      open_->connection.run("ROLLBACK", "roll back");
    } catch (...) {
      open_.reset();  // which rolls back as well
    }
  }

 private:
  // After a failure the connection is never used again.
  template <typename Work>
  auto guarded(const Work& work) -> decltype(work()) {
    deadline_ = std::chrono::steady_clock::now() + options_.timeout;
    try {
      return work();
    } catch (...) {
      is_loading_ = false;
      open_.reset();
      throw;
    }
  }

  void open() {
    if (!open_) open_.emplace(file_, names_, options_.create, deadline_);
  }

  // A write that changes nothing, since only that tells whether the disk takes one again.
  void probe() {
    constexpr std::string_view doing = "write again after a failure";
    Connection& connection = open_->connection;
    open_->begin_transaction();
    Statement version = connection.prepare("PRAGMA user_version", doing);
    version.next(doing);
    const std::int64_t same = version.integer(0);
    version.reset();
    connection.run(fmt::format("PRAGMA user_version = {}", same), doing);
    open_->commit_transaction();
    needs_probe_ = false;
  }

  // Says how many are stored, now or before.
  std::size_t insert(const Batch& batch, Rejections& rejections) {
    std::size_t stored = 0;
    for (const Event& event : batch) {
      constexpr std::size_t events_per_look = 16;
      if (event.index % events_per_look == 0) check_deadline();
      if (insert(event, rejections)) ++stored;
    }
    return stored;
  }

  bool insert(const Event& event, Rejections& rejections) {
    Statement& statement = open_->insert;
    int code = row_.bind(statement, event);
    if (code == SQLITE_OK) code = statement.step();
    if (code == SQLITE_DONE) {
      statement.reset();
      return true;
    }
    const Connection& connection = open_->connection;
    if (!is_fault_of_the_data(code)) throw connection.error(code, "store an event");
    const std::string why{connection.message()};
    statement.reset();
    if (!connection.is_in_transaction()) {
      throw connection.error(
          Error::misconfigured,
          fmt::format("a constraint or trigger of the table {} rolls back more than the one event; "
                      "ABORT in place of ROLLBACK would not: {}",
                      names_.events, why));
    }
    rejections.add(event, why);
    return false;
  }

  void check_deadline() const {
    if (std::chrono::steady_clock::now() < deadline_) return;
    throw open_->connection.error(
        Error::unavailable,
        fmt::format("could not store a batch within {} ms", options_.timeout.count()));
  }

  bool has_ledger() {
    Statement query = open_->connection.prepare(
        "SELECT 1 FROM sqlite_schema WHERE lower(name) = lower(?1)", reading_ledger);
    query.bind(1, names_.ledger);
    return query.next(reading_ledger);
  }

  Statement prepare_ledger_query() {
    return open_->connection.prepare(
        fmt::format("SELECT 1 FROM {} WHERE object_key = ?1 AND selection IN ('', ?2)",
                    quoted(names_.ledger)),
        reading_ledger);
  }

  static bool is_loaded(Statement& query, std::string_view object_key, std::string_view selection) {
    query.bind(1, object_key);
    query.bind(2, selection);
    const bool found = query.next(reading_ledger);
    query.reset();
    return found;
  }

  void insert_ledger_line() {
    run_for_load(
        fmt::format("INSERT INTO {} (object_key, selection, events, loaded_at) "
                    "VALUES (?1, ?2, 0, '')",
                    quoted(names_.ledger)));
  }

  void complete_ledger_line() {
    run_for_load(
        fmt::format("UPDATE {} SET events = {}, "
                    "loaded_at = strftime('%Y-%m-%d %H:%M:%f', 'now') "
                    "WHERE object_key = ?1 AND selection = ?2",
                    quoted(names_.ledger), loaded_));
  }

  void run_for_load(std::string_view sql) {
    constexpr std::string_view doing = "write to the ledger";
    Statement statement = open_->connection.prepare(sql, doing);
    statement.bind(1, object_key_);
    statement.bind(2, selection_);
    statement.next(doing);
  }

  const std::string file_;
  const SqliteSinkOptions options_;
  const TableNames names_;
  Deadline deadline_{};
  std::optional<Open> open_;
  Row row_;
  bool needs_probe_ = false;  // the last write failed
  bool is_loading_ = false;
  std::string object_key_;
  std::string selection_;
  std::size_t loaded_ = 0;
};

SqliteSink::SqliteSink(const std::string& file, const SqliteSinkOptions& options) {
  if (file.empty() || file == ":memory:") {
    throw ConfigError{"sqlite: needs a file, as in sqlite:events.db"};
  }
  if (options.timeout <= std::chrono::milliseconds{0}) {
    throw ConfigError{"sqlite: the timeout has to be more than 0"};
  }
  session_ = std::make_unique<Session>(file, options);
}

SqliteSink::~SqliteSink() = default;

void SqliteSink::write(const Batch& batch, Rejections& rejections) {
  session_->write(batch, rejections);
}
void SqliteSink::maintain() { session_->maintain(); }
LoadStart SqliteSink::begin(std::string_view object_key, std::string_view selection) {
  return session_->begin(object_key, selection);
}
void SqliteSink::commit() { session_->commit(); }
void SqliteSink::roll_back() noexcept { session_->roll_back(); }
std::vector<bool> SqliteSink::loaded(std::span<const std::string> object_keys,
                                     std::string_view selection) {
  return session_->loaded(object_keys, selection);
}

}  // namespace eventcollect
