// A URL with several hosts of which the first are of no use.
#include <doctest/doctest.h>

#include "drivers/mysql/database.hpp"
#include "support/events.hpp"
#include "support/silent_port.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

std::string behind(std::string url, const std::string& hosts) {
  return url.insert(url.find('@') + 1, hosts + ",");
}

}  // namespace

TEST_CASE("the next host gets the events within the deadline of one write") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create();
  const SilentPort silent{SilentPort::accepting};
  const SilentPort full{SilentPort::full};
  const std::string cases[] = {
      closed_port(),
      silent.host(),
      full.host(),
      closed_port() + ',' + silent.host(),
      silent.host() + ',' + closed_port() + ',' + full.host(),
  };
  for (const std::string& hosts : cases) {
    CAPTURE(hosts);
    corner.sql.run("DELETE FROM " + corner.table);
    const auto sink = corner.open("&timeout=6s", behind(*server, hosts));
    CHECK(failure_of([&] { write(*sink, numbered_batch("n", 3)); }) == "none");
    CHECK(corner.count() == 3);
  }
}

TEST_CASE("hosts that are all of no use are named") {
  enable_mysql();
  const SilentPort silent{SilentPort::accepting};
  const SilentPort full{SilentPort::full};
  const std::string closed = closed_port();
  const auto sink = open_sink("mysql://root:sesame@" + silent.host() + ',' + full.host() + ',' +
                              closed + "/x?timeout=600ms");
  const std::string failure = failure_of([&] { write(*sink, numbered_batch("n", 1)); });
  CAPTURE(failure);
  CHECK(failure.starts_with("unavailable: mysql: " + silent.host() + ": did not answer in time; " +
                            full.host() + ": did not answer in time; " + closed + ": "));
  CHECK_FALSE(has(failure, "sesame"));
}

}  // namespace eventcollect::test
