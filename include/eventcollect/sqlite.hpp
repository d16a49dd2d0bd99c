// Events in a table of an SQLite database, each event_id once: the database that needs no server.
//
//   auto sink = open_sink("sqlite:events.db");
//
//   CREATE TABLE events (event_id TEXT PRIMARY KEY NOT NULL, server_time TEXT NOT NULL,
//     event_time TEXT NOT NULL, event TEXT NOT NULL, url TEXT, properties TEXT NOT NULL,
//     context TEXT, client_time TEXT, sent_time TEXT, violations TEXT);
//
// is made where it is missing. What stands in it reads well in the sqlite3 shell: event_id in its
// form of 36 characters, JSON as it came, and times in UTC in the form of SQLite's own datetime(),
// with milliseconds: 2026-11-23 17:15:00.123. So they sort and compare as text:
//
//   SELECT date(server_time), properties->>'$.plan', count(*) FROM events
//     WHERE event = 'signed_up' AND server_time > datetime('now', '-7 days') GROUP BY 1, 2;
//
// and `CREATE INDEX … ON events (server_time)` or `(event, server_time)` makes that fast. A table
// of your own may have more columns, which are left alone, and constraints, indexes and triggers;
// it needs these names, and event_id a unique index of its own.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/ledger.hpp"

namespace eventcollect {

// As URL options: sqlite:FILE?table=events&create=on&timeout=10s
struct SqliteSinkOptions {
  // The ledger is beside it: eventcollect_loads, for a table of another name than `events`
  // eventcollect_loads_NAME, since each table has loads of its own.
  std::string table = "events";
  bool create = true;  // the file (mode 0640), the table and the ledger, where missing
  std::chrono::milliseconds timeout{std::chrono::seconds{10}};  // waiting for other writers
};

// Opens the file when it has something to do, and again after every failure, also when it finds
// that the file was moved or deleted. Each write is one transaction in WAL mode with synchronous
// FULL: synced when write() returns, and whole or absent after a crash. Other processes may read
// and write the same file; SQLite lets one write at a time, the others wait for `timeout`.
//
// An event that the table rejects through what is in it (a constraint, a trigger's RAISE(ABORT), a
// value too big) is rejected with SQLite's message, and the rest is stored. Every other failure is
// an Error, and nothing is rejected: misconfigured for what an operator has to mend (a column, a
// right, a damaged file), unavailable for the rest (locked, disk full or failing), and in doubt if
// the disk failed in the commit.
//
// As a ledger: begin() waits for any other writer, and says after `timeout` that it is busy; every
// other writer waits for commit(). An event count of the ledger has what was stored or was there
// already.
//
// One thread at a time.
class SqliteSink final : public LedgerSink {
 public:
  // Looks at the names only. Throws ConfigError. A relative `file` is one of the directory that is
  // current when it is opened.
  explicit SqliteSink(const std::string& file, const SqliteSinkOptions& options = {});
  ~SqliteSink() override;

  void write(const Batch& batch, Rejections& rejections) override;

  // Opens the file if it is not open, and checks the table. After a failed disk it writes and syncs
  // a transaction that changes nothing.
  void maintain() override;

  // begin() and loaded() while a load is open and commit() while none is throw std::logic_error.
  LoadStart begin(std::string_view object_key, std::string_view selection) override;
  void commit() override;
  void roll_back() noexcept override;
  std::vector<bool> loaded(std::span<const std::string> object_keys,
                           std::string_view selection) override;

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

// Makes the scheme of this driver known to open_sink. Safe from any thread.
void enable_sqlite();

}  // namespace eventcollect
