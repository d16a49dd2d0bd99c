// What is made of a server's errors, those of MySQL 8 included. Needs no server.
#include "drivers/mysql/server_error.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace eventcollect::test {
namespace {

using mysql::ServerError;

// In the order in which the sink asks.
std::string verdict_on(const ServerError& error) {
  if (error.ends_connection()) return "lost";
  if (error.is_poison()) return "poison";
  if (error.is_passing()) return "passing";
  return error.kind() == Error::misconfigured ? "misconfigured" : "unavailable";
}

struct Case {
  unsigned code;
  const char* sqlstate;
  const char* verdict;
};

}  // namespace

TEST_CASE(
    "an error of the server is blamed on the event, on others, on the setup or on an outage") {
  const Case cases[] = {
      // The event.
      {1048, "23000", "poison"},  // NULL in a column that may not be
      {1062, "23000", "poison"},  // a key that is there
      {1264, "22003", "poison"},  // a number that is too large
      {1265, "01000", "poison"},  // a value that would be cut
      {1292, "22007", "poison"},  // a time that is none
      {1366, "HY000", "poison"},  // a value that does not fit the column
      {1406, "22001", "poison"},  // a text that is too long
      {1411, "HY000", "poison"},  // a value that does not fit a function of a generated column
      {1526, "HY000", "poison"},  // a value without a partition
      {1644, "23000", "poison"},  // a trigger that says so
      {3140, "22032", "poison"},  // malformed JSON, in MySQL
      {3157, "22032", "poison"},  // JSON that is too deep
      {3698, "HY000", "poison"},  // a regular expression that runs out of stack
      {3699, "HY000", "poison"},  // one that takes too long
      {3819, "HY000", "poison"},  // a CHECK, in MySQL
      {3903, "22018", "poison"},  // a value that does not fit an index over JSON
      {3905, "HY000", "poison"},  // too many values for one
      {3906, "HY000", "poison"},  // too large ones
      {3908, "HY000", "poison"},  // an array where it takes one value
      {4025, "23000", "poison"},  // a CHECK, in MariaDB
      // Other transactions.
      {1205, "HY000", "passing"},  // a lock timeout
      {1213, "40001", "passing"},  // a deadlock
      {1644, "40001", "passing"},
      {3572, "HY000", "passing"},  // NOWAIT, in MySQL
      // The setup.
      {1045, "28000", "misconfigured"},  // a wrong password
      {1049, "42000", "misconfigured"},  // no such database
      {1054, "42S22", "misconfigured"},  // no such column
      {1139, "42000", "misconfigured"},  // a malformed regular expression
      {1142, "42000", "misconfigured"},  // a right that the user does not have
      {1146, "42S02", "misconfigured"},  // no such table
      {1153, "08S01", "lost"},           // a statement that is too large for the server
      {1251, "08004", "lost"},           // a way to authenticate that the server does not have
      {1364, "HY000", "misconfigured"},  // a column that must be filled
      {1644, "45000", "misconfigured"},  // a trigger that does not say that it is the event
      // An outage.
      {1021, "HY000", "unavailable"},  // a full disk
      {1114, "HY000", "unavailable"},  // a full table
      {1203, "42000", "unavailable"},  // too many connections of the user
      {1290, "HY000", "unavailable"},  // --read-only
      {1317, "70100", "unavailable"},  // killed
      {1969, "70100", "unavailable"},  // max_statement_time, in MariaDB
      {3024, "HY000", "unavailable"},  // max_execution_time, in MySQL
      {3100, "HY000", "unavailable"},  // a group that does not agree
      {1053, "08S01", "lost"},         // a server that stops
      {4031, "HY000", "lost"},         // a connection that was idle for too long, in MySQL
  };
  for (const Case& one : cases) {
    CAPTURE(one.code);
    CAPTURE(std::string{one.sqlstate});
    CHECK(verdict_on({one.code, one.sqlstate, ""}) == std::string{one.verdict});
  }
}

TEST_CASE("TLS that cannot work is misconfigured, TLS that was cut is an outage") {
  const std::pair<const char*, const char*> cases[] = {
      {"TLS/SSL error: self-signed certificate in certificate chain", "misconfigured"},
      {"TLS/SSL error: certificate has expired", "misconfigured"},
      {"TLS/SSL error: Validation of SSL server certificate failed", "misconfigured"},
      {"TLS/SSL error: unsupported protocol", "misconfigured"},
      {"TLS/SSL error: no shared cipher", "misconfigured"},
      {"SSL is required, but the server does not support it", "misconfigured"},
      {"TLS/SSL error: unexpected eof while reading", "unavailable"},
      {"TLS/SSL error: Connection reset by peer (104)", "unavailable"},
      {"TLS/SSL error: Broken pipe (32)", "unavailable"},
  };
  for (const auto& one : cases) {
    const std::string message = one.first;
    CAPTURE(message);
    CHECK(verdict_on({2026, "HY000", message}) == std::string{one.second});
  }
}

}  // namespace eventcollect::test
