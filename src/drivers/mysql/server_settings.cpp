#include "drivers/mysql/server_settings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace eventcollect::mysql {
namespace {

bool is_off(std::string_view flag) {
  constexpr std::string_view off = "OFF";
  const auto is_same = [](char a, char b) { return (a & ~0x20) == b; };
  return flag == "0" || std::equal(flag.begin(), flag.end(), off.begin(), off.end(), is_same);
}

}  // namespace

std::optional<SettingsFault> fault_of(const ServerSettings& settings) {
  // 1 syncs InnoDB's log when a transaction is prepared, and leaves the commit itself to the binary
  // log where there is one. 3, which only MariaDB has, syncs the commit, too.
  const std::string& flush = settings.flush_log_at_commit;
  if (flush != "1" && flush != "3") {
    return SettingsFault{Error::misconfigured,
                         fmt::format("innodb_flush_log_at_trx_commit is {}, so that a crash could "
                                     "lose what was committed: set it to 1",
                                     flush)};
  }
  if (flush != "3" && !is_off(settings.log_bin) && settings.sync_binlog != "1") {
    return SettingsFault{Error::misconfigured,
                         fmt::format("the binary log is on and sync_binlog is {}, so that a crash "
                                     "could lose what was committed: set sync_binlog to 1",
                                     settings.sync_binlog)};
  }
  if (!is_off(settings.read_only)) {
    return SettingsFault{Error::unavailable, "the server is read-only, as a replica is"};
  }
  return std::nullopt;
}

}  // namespace eventcollect::mysql
