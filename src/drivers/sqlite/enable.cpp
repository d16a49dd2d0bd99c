#include "eventcollect/registry.hpp"
#include "eventcollect/sqlite.hpp"

namespace eventcollect {
namespace {

std::shared_ptr<Sink> open_sqlite_sink(const Url& url) {
  UrlOptions values{url};
  SqliteSinkOptions options;
  options.table = values.text("table", options.table);
  options.create = values.flag("create", options.create);
  options.timeout = values.duration("timeout", options.timeout);
  values.finish();
  if (!url.authority.empty()) {
    throw ConfigError{"sqlite: names a file of this machine: sqlite:FILE or sqlite:///FILE"};
  }
  return std::make_shared<SqliteSink>(url.path, options);
}

}  // namespace

void enable_sqlite() { register_sink("sqlite", open_sqlite_sink); }

}  // namespace eventcollect
