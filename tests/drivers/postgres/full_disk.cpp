// The postgres sink with a table on a disk without a free byte.
#include <doctest/doctest.h>
#include <unistd.h>

#include "drivers/postgres/database.hpp"
#include "support/events.hpp"
#include "support/tiny_disk.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

// A place for tables on a disk. What is there has to go first.
class Tablespace {
 public:
  Tablespace(const std::string& server, const TinyDisk& disk)
      : name{"tiny_" + std::to_string(getpid())}, server_{server} {
    Sql{server}.run("CREATE TABLESPACE " + name + " LOCATION '" + disk.folder_of_server() + "'");
  }
  ~Tablespace() {
    const std::unique_ptr<PGconn, void (*)(PGconn*)> last{PQconnectdb(server_.c_str()), PQfinish};
    PQclear(PQexec(last.get(), ("DROP TABLESPACE " + name).c_str()));
  }
  Tablespace(const Tablespace&) = delete;
  Tablespace& operator=(const Tablespace&) = delete;

  const std::string name;

 private:
  const std::string server_;
};

}  // namespace

TEST_CASE(
    "on a full disk nothing is rejected, and what was not stored is stored once there is room") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  const auto disk = TinyDisk::make(4 << 20);
  if (!disk) return;
  const Tablespace place{*server, *disk};
  Corner corner{*server};
  corner.create("ADD CONSTRAINT no_spam CHECK (event <> 'spam')");
  corner.sql.run("ALTER TABLE " + corner.table + " SET TABLESPACE " + place.name);
  const auto sink = corner.open();
  std::size_t stored = 0;
  for (const std::size_t events : {100U, 3'000U}) {
    CAPTURE(events);
    const Batch batch = numbered_batch("e" + std::to_string(events) + "_", events);
    std::vector<std::string> texts(events, event_named("good"));
    texts.front() = event_named("spam");
    const Batch spoiled = batch_of(texts);
    disk->fill();
    for (int i = 0; i < 2; ++i) {
      for (const Batch* one : {&batch, &spoiled}) {
        const std::string failure = failure_of([&] { write(*sink, *one); });
        CAPTURE(failure);
        CHECK(failure.starts_with("unavailable: postgres: cannot write to "));
        CHECK(has(failure, "53100"));
      }
    }
    disk->make_room();
    CHECK(write(*sink, batch).empty());
    CHECK(write(*sink, batch).empty());
    stored += events;
    CHECK(corner.count() == stored);
    CHECK(write(*sink, spoiled).size() == 1);
    stored += events - 1;
    CHECK(corner.count() == stored);
  }
}

}  // namespace eventcollect::test
