#include "eventcollect/mysql.hpp"

#include <doctest/doctest.h>

#include "contract/sink_contract.hpp"
#include "drivers/mysql/database.hpp"
#include "eventcollect/drivers.hpp"

namespace eventcollect::test {
namespace {

// The lines are put together of the columns, in the order of a stored line. MariaDB keeps JSON as
// it came.
class MysqlBench final : public Bench {
 public:
  explicit MysqlBench(const std::string& server) : corner_{server} {}

  std::shared_ptr<Sink> open() override { return corner_.open(); }

  // In the order of their ids, which is that in which the suite mints them.
  std::vector<std::string> durable_lines() override {
    return corner_.sql.run(
        "SELECT concat('{\"event_id\":\"', lower(concat_ws('-', substr(hex(event_id), 1, 8),"
        " substr(hex(event_id), 9, 4), substr(hex(event_id), 13, 4), substr(hex(event_id), 17, 4),"
        " substr(hex(event_id), 21))), '\",\"event\":', json_quote(event),"
        " coalesce(concat(',\"url\":', json_quote(url)), ''), ',\"properties\":', properties,"
        " ',\"server_time\":', cast(unix_timestamp(server_time) * 1000 AS int),"
        " ',\"event_time\":', cast(unix_timestamp(event_time) * 1000 AS int),"
        " coalesce(concat(',\"client_time\":', cast(unix_timestamp(client_time) * 1000 AS int)), "
        "''),"
        " coalesce(concat(',\"sent_time\":', cast(unix_timestamp(sent_time) * 1000 AS int)), ''),"
        " coalesce(concat(',\"context\":', context), ''),"
        " coalesce(concat(',\"violations\":', violations), ''), '}') FROM " +
        corner_.table + " ORDER BY event_id");
  }

  bool is_idempotent() const override { return true; }

 private:
  MysqlCorner corner_;
};

}  // namespace

TEST_CASE("a driver is enabled as often as one likes") {
  enable_mysql();
  enable_drivers();
}

TEST_CASE("the mysql sink keeps the contract") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlBench bench{*server};
  CHECK(violations(bench) == std::vector<std::string>{});
}

}  // namespace eventcollect::test
