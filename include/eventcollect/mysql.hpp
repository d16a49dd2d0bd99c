// Events in a table of MySQL or MariaDB, each event_id once.
//
//   auto sink = open_sink("mysql://collector@db.internal/site?table=events");
//
//   CREATE TABLE events (
//     event_id binary(16) NOT NULL PRIMARY KEY, server_time datetime(3) NOT NULL,
//     event_time datetime(3) NOT NULL, event varchar(128) NOT NULL, url mediumtext,
//     properties json NOT NULL, context json, client_time datetime(3), sent_time datetime(3),
//     violations json) ENGINE InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
//
// is made where it is missing (on MySQL with COLLATE utf8mb4_0900_bin): texts compare by bytes, so
// that `Click` is not `click`, and a blank at the end counts. Times are in UTC. The key reads as
// text with BIN_TO_UUID(event_id) in MySQL and CAST(event_id AS uuid) in MariaDB.
//
// A table of your own may have more columns, which are left alone, constraints, triggers and
// indexes. It needs these names and a transactional engine, and event_id has to be NOT NULL with a
// unique index of its own. event_id may be uuid, where the server has that; texts and JSON may be
// any type of text or JSON. Times must be datetime(3): a timestamp ends in 2038. A system-versioned
// table of MariaDB gets a row of history for each repeat. What most queries want is
//
//   CREATE INDEX events_by_time ON events (server_time);
//   CREATE INDEX events_by_name ON events (event, server_time);
//
// The user needs the rights SELECT, INSERT and UPDATE on the table and the ledger, and CREATE where
// they are to be made; the event_id of an event that is there already is set to what it is.
//
// MariaDB takes JSON that is 31 levels deep, as deep as properties may be in an event of 32 levels.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/ledger.hpp"

namespace eventcollect {

struct MysqlHost {
  std::string name = "localhost";  // or an address
  std::uint16_t port = 3306;
};

// As URL: mysql://user:password@host:port,host2/database?table=events&create=on&tls=off&timeout=10s
// Where it has no password, it is that of EVENTCOLLECT_MYSQL_PASSWORD.
struct MysqlSinkOptions {
  std::vector<MysqlHost> hosts{MysqlHost{}};
  std::string user{};
  std::string password{};
  std::string database{};
  // TLS, with the server's certificate and name verified. Without it the events are not protected,
  // and the password is given by mysql_native_password or ed25519 only: caching_sha2_password, the
  // default of MySQL 8, would let anyone who poses as the server have it, and is misconfigured.
  bool tls = false;
  std::string ca_file{};  // PEM, of the authorities to be trusted; those of the system by default
  // NAME or DATABASE.NAME. The ledger is beside it: eventcollect_loads, for a table of another name
  // than `events` eventcollect_loads_NAME, since each table has loads of its own.
  std::string table = "events";
  bool create = true;  // the table and ledger, where missing
  std::chrono::milliseconds timeout{std::chrono::seconds{10}};  // of each call, connecting included
};

// Connects when it has something to do, and again whenever a connection broke. Each write is one
// transaction. The session is set to strict mode, utf8mb4, UTC and READ COMMITTED. A server that
// does not sync each commit is misconfigured: innodb_flush_log_at_trx_commit has to be 1 and, where
// the binary log is on, sync_binlog too, which is 0 by default in MariaDB (or the former 3, which
// MariaDB has, whatever the latter is). Rows go in by event_id order, by at most nine prepared
// statements of the connection. Deadlocks and lock timeouts are tried again.
//
// An event that the table rejects through what is in it (SQLSTATE classes 22 and 23, a CHECK, a
// value that does not fit its column) is rejected with the server's message, and the rest is
// stored. A trigger can do so with SIGNAL SQLSTATE '23000'. Every other failure is an Error, and
// nothing is rejected: misconfigured for what an operator has to mend (a column, the password, a
// right, a certificate), unavailable for the rest, and in doubt if the connection broke in COMMIT.
// Each write or call of maintain() ends within `timeout`, but for the time that the system takes to
// resolve a host's name.
//
// Several hosts are tried in turn, each for its share of `timeout`. One that is read-only, as a
// replica is, is passed over.
//
// As a ledger: begin() does not wait for another loader of the same object, but says that it is
// busy. An event count of the ledger has what was stored or was there already. Loads at the same
// time may wait for each other where they hold the same events; where that is a deadlock, one of
// them fails as unavailable.
//
// One thread at a time.
class MysqlSink final : public LedgerSink {
 public:
  // Looks at the options only. Throws ConfigError.
  explicit MysqlSink(const MysqlSinkOptions& options);
  ~MysqlSink() override;

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

// Makes the scheme of this driver known to open_sink. Safe from any thread.
void enable_mysql();

}  // namespace eventcollect
