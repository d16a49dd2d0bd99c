#include "eventcollect/postgres.hpp"

#include <doctest/doctest.h>

#include <map>
#include <thread>

#include "contract/sink_contract.hpp"
#include "drivers/postgres/database.hpp"
#include "eventcollect/drivers.hpp"
#include "support/events.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

// jsonb orders keys, so lines are compared as jsonb: those that are equal so come back as written.
class PostgresBench final : public Bench {
 public:
  PostgresBench(const std::string& server, std::string way)
      : way_{std::move(way)}, corner_{server} {}

  std::shared_ptr<Sink> open() override {
    struct Recorder final : Sink {
      Recorder(PostgresBench& bench_, std::shared_ptr<Sink> sink_)
          : bench{bench_}, sink{std::move(sink_)} {}
      void write(const Batch& batch, Rejections& rejections) override {
        sink->write(batch, rejections);
        CHECK(rejections.empty());
        bench.remember(batch);
      }
      void maintain() override { sink->maintain(); }
      PostgresBench& bench;
      std::shared_ptr<Sink> sink;
    };
    return std::make_shared<Recorder>(*this, corner_.open("", way_));
  }

  // In the order of their ids, which is that in which the suite mints them.
  std::vector<std::string> durable_lines() override {
    auto lines = corner_.sql.run(
        "SELECT (jsonb_strip_nulls(jsonb_build_object('event_id', event_id, 'event', event,"
        " 'url', url, 'server_time', (extract(epoch FROM server_time) * 1000)::bigint,"
        " 'event_time', (extract(epoch FROM event_time) * 1000)::bigint,"
        " 'client_time', (extract(epoch FROM client_time) * 1000)::bigint,"
        " 'sent_time', (extract(epoch FROM sent_time) * 1000)::bigint))"
        " || jsonb_build_object('properties', properties))::text FROM " +
        corner_.table + " ORDER BY event_id");
    for (std::string& line : lines) {
      if (const auto known = written_.find(line); known != written_.end()) line = known->second;
    }
    return lines;
  }

  bool is_idempotent() const override { return true; }

 private:
  void remember(const Batch& batch) {
    std::string array;
    for (const Event& event : batch) {
      array += array.empty() ? "" : ",";
      array += corner_.sql.quoted(std::string{event.line});
    }
    const auto canonical =
        corner_.sql.run("SELECT line::jsonb::text FROM unnest(ARRAY[" + array +
                        "]) WITH ORDINALITY AS lines (line, place) ORDER BY place");
    for (std::size_t i = 0; i < canonical.size(); ++i) {
      written_[canonical[i]] = batch[i].line;
    }
  }

  std::string way_;
  Corner corner_;
  std::map<std::string, std::string> written_;
};

}  // namespace

TEST_CASE("a driver is enabled as often as one likes") {
  enable_postgres();
  enable_drivers();
}

TEST_CASE("the postgres sink keeps the contract") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  PostgresBench bench{*server, *server};
  CHECK(violations(bench) == std::vector<std::string>{});
}

TEST_CASE("the postgres sink keeps the contract through PgBouncer in transaction mode") {
  const auto server = service_url("POSTGRES");
  const auto pooler = service_url("PGBOUNCER");
  if (!server || !pooler) return;
  PostgresBench bench{*server, *pooler};
  CHECK(violations(bench) == std::vector<std::string>{});
}

}  // namespace eventcollect::test
