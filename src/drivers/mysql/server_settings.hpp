// The settings by which a server may be given events.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/error.hpp"

namespace eventcollect::mysql {

// As the server says them. A flag is 0 or 1, or OFF and further words in newer versions of MariaDB.
struct ServerSettings {
  std::string flush_log_at_commit;  // innodb_flush_log_at_trx_commit
  std::string read_only;
  std::string log_bin;
  std::string sync_binlog;
};

struct SettingsFault {
  Error::Kind kind;
  std::string reason;
};

// Why a server with these settings gets no events, if so: it could lose what it has committed, or
// takes no writes.
std::optional<SettingsFault> fault_of(const ServerSettings& settings);

}  // namespace eventcollect::mysql
