// A table on a disk that is full.
#include <doctest/doctest.h>

#include "drivers/mysql/database.hpp"
#include "support/events.hpp"
#include "support/parsing.hpp"
#include "support/tiny_disk.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {

TEST_CASE(
    "on a full disk nothing is rejected, and what was not stored is stored once there is room") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  const auto disk = TinyDisk::make(16 << 20);
  if (!disk) return;
  MysqlCorner corner{*server};
  corner.create();
  const std::string table = corner.database + ".on_tiny_disk";
  corner.sql.run("CREATE TABLE " + table +
                 " (PRIMARY KEY (event_id), CHECK (event <> 'spam')) DATA DIRECTORY = '" +
                 disk->folder_of_server() + "' AS SELECT * FROM " + corner.table);
  corner.table = table;
  const auto sink = corner.open();
  const Batch batch = numbered_batch("n", 10'000);
  std::vector<std::string> texts(batch.size(), event_named("good"));
  texts.front() = event_named("spam");
  const Batch spoiled = batch_of(texts);
  disk->fill();
  for (int i = 0; i < 2; ++i) {
    for (const Batch* one : {&batch, &spoiled}) {
      const std::string failure = failure_of([&] { write(*sink, *one); });
      CAPTURE(failure);
      CHECK(failure.starts_with("unavailable: mysql: cannot write to "));
      CHECK(has(failure, "error 1114"));
    }
  }
  CHECK(corner.count() == 0);
  disk->make_room();
  CHECK(write(*sink, batch).empty());
  CHECK(write(*sink, batch).empty());
  CHECK(corner.count() == batch.size());
  CHECK(write(*sink, spoiled).size() == 1);
  CHECK(corner.count() == 2 * batch.size() - 1);
}

}  // namespace eventcollect::test
