#include "drivers/mysql/options.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

#include "base/authority.hpp"

namespace eventcollect::mysql {
namespace {

void read_authority(const Url& url, MysqlSinkOptions& options) {
  const base::Authority authority = base::parse_authority(url, "mysql");
  const char* password = std::getenv("EVENTCOLLECT_MYSQL_PASSWORD");
  options.user = authority.user.value_or("");
  options.password = authority.password.value_or(password != nullptr ? password : "");
  options.hosts.clear();
  for (const auto& [name, port] : authority.hosts) {
    MysqlHost host;
    if (!name.empty()) host.name = name;
    if (port != 0) host.port = port;
    options.hosts.push_back(host);
  }
}

}  // namespace

MysqlSinkOptions sink_options_of(const Url& url) {
  UrlOptions values{url};
  MysqlSinkOptions options;
  read_authority(url, options);
  if (url.path.starts_with('/')) options.database = url.path.substr(1);
  options.table = values.text("table", options.table);
  options.create = values.flag("create", options.create);
  options.tls = values.flag("tls", options.tls);
  options.ca_file = values.text("ca_file", options.ca_file);
  options.timeout = values.duration("timeout", options.timeout);
  values.finish();
  check(options);
  return options;
}

void check(const MysqlSinkOptions& options) {
  if (options.hosts.empty()) throw ConfigError{"mysql: no host is given"};
  if (options.database.empty()) {
    throw ConfigError{
        "mysql: no database is given; the URL looks like mysql://user@host:port/database"};
  }
  if (!options.ca_file.empty() && !options.tls) {
    throw ConfigError{"mysql: option 'ca_file' needs tls=on"};
  }
  if (options.timeout.count() <= 0) {
    throw ConfigError{fmt::format("mysql: the timeout must be greater than 0, got {} ms",
                                  options.timeout.count())};
  }
}

}  // namespace eventcollect::mysql
