#include "drivers/sqlite/options.hpp"

namespace eventcollect::sqlite {

SqliteSinkOptions sink_options_of(const Url& url) {
  UrlOptions values{url};
  SqliteSinkOptions options;
  options.table = values.text("table", options.table);
  options.create = values.flag("create", options.create);
  options.timeout = values.duration("timeout", options.timeout);
  values.finish();
  if (!url.authority.empty()) {
    throw ConfigError{"sqlite: names a file of this machine: sqlite:FILE or sqlite:///FILE"};
  }
  return options;
}

}  // namespace eventcollect::sqlite
