#include "programs/encryption_notice.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

namespace eventcollect::programs {

TEST_CASE("a URL of Postgres without sslmode says what that means on another machine") {
  for (const char* name : {"PGSSLMODE", "PGSERVICE", "PGHOST", "PGHOSTADDR"}) unsetenv(name);
  for (const char* url :
       {"postgres://db.example.org/site", "postgresql://u:secret@db.example.org:5432/site?table=t",
        "postgres://localhost,db.example.org/site", "postgres:///site?host=db.example.org",
        "postgres://u@[2001:db8::1]:5432/site", "postgres://localhost/site?hostaddr=192.0.2.1",
        "postgres://u@192.0.2.1/site?service="}) {
    CAPTURE(url);
    const std::string notice = encryption_notice(url);
    CHECK(notice.find("no sslmode is given") != std::string::npos);
    CHECK(notice.find("secret") == std::string::npos);
  }
  CHECK(encryption_notice("postgres://[2001:db8::1]/site").find("'2001:db8::1'") !=
        std::string::npos);
}

TEST_CASE("nothing is said where it is chosen, or the server is on this machine") {
  for (const char* name : {"PGSSLMODE", "PGSERVICE", "PGHOST", "PGHOSTADDR"}) unsetenv(name);
  for (const char* url :
       {"postgres://db.example.org/site?sslmode=disable", "postgres://db.example.org/?service=s",
        "postgres:///site", "postgres://localhost/site", "postgres://u@127.0.0.1:5432,[::1]/site",
        "postgres://%2Frun%2Fpostgresql/site", "postgres:///site?host=/run/postgresql",
        "amqp://mq.example.org/", "file:events"}) {
    CAPTURE(url);
    CHECK(encryption_notice(url).empty());
  }
  setenv("PGSSLMODE", "require", 1);
  CHECK(encryption_notice("postgres://db.example.org/site").empty());
  unsetenv("PGSSLMODE");
  setenv("PGHOST", "db.example.org", 1);
  CHECK_FALSE(encryption_notice("postgres:///site").empty());
  CHECK(encryption_notice("postgres://localhost/site").empty());
  unsetenv("PGHOST");
}

}  // namespace eventcollect::programs
