#include "drivers/sqlite/options.hpp"
#include "eventcollect/registry.hpp"
#include "eventcollect/sqlite.hpp"

namespace eventcollect {

void enable_sqlite() {
  register_sink("sqlite", [](const Url& url) {
    return std::make_shared<SqliteSink>(url.path, sqlite::sink_options_of(url));
  });
}

}  // namespace eventcollect
