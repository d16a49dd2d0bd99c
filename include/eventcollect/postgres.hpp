// Events in a Postgres table, each event_id once.
//
//   auto sink = open_sink("postgres://collector@db.internal/site?table=events");
//
//   CREATE TABLE events (event_id uuid PRIMARY KEY, server_time timestamptz NOT NULL,
//     event_time timestamptz NOT NULL, event text NOT NULL, url text, properties jsonb NOT NULL,
//     context jsonb, client_time timestamptz, sent_time timestamptz, violations jsonb);
//
// is made where it is missing. A table of your own may have more columns, which are left alone,
// constraints, triggers and indexes. Its columns need these names and types (varchar for text will
// do), and event_id a unique index of its own. What most queries want is
//
//   CREATE INDEX ON events (server_time);           -- or USING brin, where it is large
//   CREATE INDEX ON events (event, server_time);
//   CREATE INDEX ON events USING gin (properties jsonb_path_ops);
//
// and for addresses USING hash (url): a btree rejects those over 2.7 KB. A table that is
// partitioned by time cannot be filled: its key would have to hold the time, and then the same
// event sent again at another time would be there twice. PARTITION BY HASH (event_id) works.
//
// jsonb keeps the meaning of JSON and not its letters: it orders keys and rewrites numbers.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/ledger.hpp"

namespace eventcollect {

// As URL: postgres://user@host:port/database?table=events&create=on&timeout=10s, or postgresql://.
// Every other option that libpq knows is passed on (sslmode, connect_timeout, application_name, …).
struct PostgresSinkOptions {
  // For libpq: a URI or "host=… dbname=…" (libpq manual, section "Connection Strings"). What it
  // leaves out comes from PGPASSWORD, ~/.pgpass, service files and so on, as ever.
  std::string connection{};
  // NAME or SCHEMA.NAME, as it is in the catalog: upper case counts. Without a schema, the
  // search_path decides. The ledger is beside it: eventcollect_loads, for a table of another name
  // than `events` eventcollect_loads_NAME, since each table has loads of its own.
  std::string table = "events";
  bool create = true;  // the table and ledger, where missing
  std::chrono::milliseconds timeout{std::chrono::seconds{10}};  // of each call, connecting included
};

// Connects when it has something to do, and again whenever a connection broke. Each write is one
// transaction, committed with synchronous_commit, so that what is stored survives a crash of the
// server. Works through PgBouncer in transaction mode. Rows go in by event_id order.
//
// An event that the table rejects through what is in it (SQLSTATE classes 22 and 23, and 54000:
// "index row size exceeds …") is rejected with the server's message, and the rest is stored. A
// trigger can do so with ERRCODE 'check_violation'. Every other failure is an Error, and nothing
// is rejected: misconfigured for what an operator has to mend (a column, the password, a right),
// unavailable for the rest, and in doubt if the connection broke in COMMIT. Each write or call of
// maintain() ends within `timeout`, but for the time that the system takes to resolve a host's
// name. The answers to its queries are short rows, at most 1,600 of them (the columns of a table).
// What a server or the message of a trigger adds to that is not bounded: libpq keeps what comes
// until a message is whole.
//
// Several hosts (postgres://u@a,b:5433/db) are tried in libpq's order, on each connection from the
// first. One that is silent gets its part of what is left of `timeout` (of 10 s with two
// hosts 3.3), or connect_timeout, and the next is tried within the same call. With
// target_session_attrs=read-write a standby is passed over.
//
// As a ledger: begin() does not wait for another loader of the same object, but says that it is
// busy. An event count of the ledger has what was stored or was there already. Loads at the same
// time may wait for each other where they hold the same events; where that is a deadlock, one of
// them fails as unavailable.
//
// One thread at a time.
class PostgresSink final : public LedgerSink {
 public:
  // Looks at the options only. Throws ConfigError.
  explicit PostgresSink(const PostgresSinkOptions& options);
  ~PostgresSink() override;

  void write(const Batch& batch, Rejections& rejections) override;

  // Connects, checks the table and begins a write without events.
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

// Makes the schemes of this driver known to open_sink and open_source. Safe from any thread.
void enable_postgres();

}  // namespace eventcollect
