#include "drivers/mysql/options.hpp"
#include "eventcollect/mysql.hpp"
#include "eventcollect/registry.hpp"

namespace eventcollect {

void enable_mysql() {
  register_sink("mysql", [](const Url& url) {
    return std::make_shared<MysqlSink>(mysql::sink_options_of(url));
  });
}

}  // namespace eventcollect
