// Which servers get events, by their settings. Needs no server.
#include "drivers/mysql/server_settings.hpp"

#include <doctest/doctest.h>

#include <utility>

#include "support/failure.hpp"

namespace eventcollect::test {
namespace {

using mysql::ServerSettings;

std::string verdict_on(const ServerSettings& settings) {
  const auto fault = mysql::fault_of(settings);
  return fault ? failure_of([&] { throw Error{fault->kind, fault->reason}; }) : "taken";
}

}  // namespace

TEST_CASE("a server gets events if a crash loses no commit and it takes writes") {
  const std::string flush = "misconfigured: innodb_flush_log_at_trx_commit is ";
  const std::string binlog = "misconfigured: the binary log is on and sync_binlog is ";
  const std::string read_only = "unavailable: the server is read-only";
  const std::pair<ServerSettings, std::string> cases[] = {
      {{"1", "0", "0", "0"}, "taken"},
      {{"1", "OFF", "OFF", "0"}, "taken"},
      {{"1", "off", "0", "0"}, "taken"},
      {{"3", "0", "0", "0"}, "taken"},
      {{"0", "0", "0", "1"}, flush + "0"},
      {{"2", "0", "1", "1"}, flush + "2"},
      {{"1", "0", "1", "1"}, "taken"},
      {{"1", "0", "ON", "1"}, "taken"},
      {{"1", "0", "1", "0"}, binlog + "0"},
      {{"1", "0", "ON", "100"}, binlog + "100"},
      {{"3", "0", "1", "0"}, "taken"},
      {{"1", "1", "0", "0"}, read_only},
      {{"1", "ON", "0", "0"}, read_only},
      {{"1", "NO_LOCK", "0", "0"}, read_only},
      {{"1", "NO_LOCK_NO_ADMIN", "1", "1"}, read_only},
  };
  for (const auto& one : cases) {
    const ServerSettings& settings = one.first;
    CAPTURE(settings.flush_log_at_commit);
    CAPTURE(settings.read_only);
    CAPTURE(settings.log_bin);
    CAPTURE(settings.sync_binlog);
    const std::string verdict = verdict_on(settings);
    CAPTURE(verdict);
    CHECK(verdict.starts_with(one.second));
  }
}

}  // namespace eventcollect::test
