// A URL with several hosts of which the first are of no use.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "drivers/postgres/database.hpp"
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
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
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
    corner.sql.run("TRUNCATE " + corner.table);
    const auto sink = corner.open("&timeout=4s", behind(*server, hosts));
    CHECK(failure_of([&] { write(*sink, numbered_batch("n", 3)); }) == "none");
    CHECK(corner.count() == 3);
  }
}

TEST_CASE("hosts may be given in every way that libpq knows") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  const SilentPort silent{SilentPort::accepting};
  const std::string rest =
      fmt::format(" port={},{} user=postgres dbname=postgres connect_timeout=2",
                  silent.host().substr(silent.host().find(':') + 1), port_of(*server));
  for (const std::string hosts :
       {"hostaddr=127.0.0.1,127.0.0.1", "host=localhost,localhost",
        "host=,name hostaddr=127.0.0.1,127.0.0.1", "host=name, hostaddr=127.0.0.1,127.0.0.1"}) {
    CAPTURE(hosts);
    PostgresSink sink{{.connection = hosts + rest, .table = corner.table}};
    CHECK(failure_of([&] { sink.maintain(); }) == "none");
  }
}

TEST_CASE("hosts that are all of no use are named") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  enable_postgres();
  const SilentPort silent{SilentPort::accepting};
  const SilentPort full{SilentPort::full};
  const auto failure = [](const std::string& hosts) {
    const auto sink = open_sink("postgres://postgres:sesame@" + hosts + "/postgres?timeout=600ms");
    return failure_of([&] { write(*sink, numbered_batch("n", 1)); });
  };
  CHECK(failure(silent.host() + ',' + full.host()) == "unavailable: postgres: " + silent.host() +
                                                          " did not answer in time; " +
                                                          full.host() + " did not answer in time");
  const std::string mixed = failure(silent.host() + ',' + closed_port());
  CAPTURE(mixed);
  CHECK(mixed.starts_with("unavailable: postgres: " + silent.host() + " did not answer in time; "));
  CHECK(has(mixed, "refused"));
  CHECK_FALSE(has(mixed, "sesame"));
}

TEST_CASE("target_session_attrs=read-write wants a host that takes events") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  const std::string database = corner.schema;
  corner.sql.run("CREATE DATABASE " + database);
  const std::string url = server->substr(0, server->rfind('/') + 1) + database;
  const auto set_read_only = [&](const char* how) {
    corner.sql.run("ALTER DATABASE " + database + " SET default_transaction_read_only = " + how);
  };
  const auto sink = open_sink(behind(url, closed_port()) + "?target_session_attrs=read-write");
  set_read_only("on");
  const std::string failure = failure_of([&] { write(*sink, numbered_batch("n", 3)); });
  CAPTURE(failure);
  CHECK(failure.starts_with("unavailable: "));
  CHECK(has(failure, "session is read-only"));
  set_read_only("off");
  CHECK(failure_of([&] { write(*sink, numbered_batch("n", 3)); }) == "none");
  CHECK(Sql{url}.value("SELECT count(*) FROM events") == "3");
  static_cast<void>(sink);
  corner.sql.run("DROP DATABASE " + database + " WITH (FORCE)");
}

}  // namespace eventcollect::test
