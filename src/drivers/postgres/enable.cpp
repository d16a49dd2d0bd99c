#include "drivers/postgres/options.hpp"
#include "eventcollect/postgres.hpp"
#include "eventcollect/registry.hpp"

namespace eventcollect {

void enable_postgres() {
  for (const char* scheme : {"postgres", "postgresql"}) {
    register_sink(scheme, [](const Url& url) {
      return std::make_shared<PostgresSink>(postgres::sink_options_of(url));
    });
  }
}

}  // namespace eventcollect
