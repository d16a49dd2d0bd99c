// Loading objects into Postgres against psql's \copy of the same rows into a same table, in pairs;
// then what is no new work: objects whose events are there, and those that were loaded.
//
//   python3 tests/services.py with build/release/bin/bench_load [EVENTS] [PAIRS] [OBJECTS] [STORE]
//
// \copy reads a file of COPY's text form and stores all of it in one transaction. The objects have
// 10,000 events each, gzipped, as the archiver leaves them. STORE is a URL; an empty directory by
// default. OBJECTS is how many loaded ones are listed and skipped.
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/pairs.hpp"
#include "benchmarks/postgres_rows.hpp"
#include "eventcollect/drivers.hpp"
#include "eventcollect/load.hpp"
#include "eventcollect/objects.hpp"
#include "eventcollect/open.hpp"
#include "support/writing.hpp"

namespace {

using namespace eventcollect;
using test::write;
using namespace bench;

const std::string ledger = std::string{"eventcollect_loads_"} + table;

struct Setting {
  std::string postgres;
  std::shared_ptr<ObjectStore> store;
  std::size_t events;
  std::size_t pairs;
  std::size_t objects;
};

void expect_rows(const Setting& setting, std::size_t rows) {
  const auto found = run_sql(setting.postgres, std::string{"SELECT count(*) FROM "} + table);
  if (found != std::to_string(rows)) throw std::runtime_error{"rows are missing: " + found};
}

double load_all(const Setting& setting) {
  return seconds_of(
      [&] { load(*setting.store, *open_sink(setting.postgres + "?timeout=60s&table=" + table)); });
}

// Loads what is there already with the share `there` of the rows in the table, as if from objects
// that nobody has loaded.
double load_again(const Setting& setting, const std::string& there) {
  run_sql(setting.postgres, "TRUNCATE " + ledger);
  run_sql(setting.postgres, std::string{"DELETE FROM "} + table + " WHERE NOT " + there);
  run_sql(setting.postgres, std::string{"VACUUM "} + table);
  run_sql(setting.postgres, "CHECKPOINT");
  const double seconds = load_all(setting);
  expect_rows(setting, setting.events);
  return seconds;
}

void compare_with_copy(const Setting& setting, const std::string& rows) {
  const auto empty = [&] {
    run_sql(setting.postgres, std::string{"TRUNCATE "} + table + ", " + ledger);
    run_sql(setting.postgres, "CHECKPOINT");
  };
  const auto line = compare(
      setting.events, setting.pairs,
      [&] {
        empty();
        const double seconds = copy_with_psql(setting.postgres, rows);
        expect_rows(setting, setting.events);
        return seconds;
      },
      [&] {
        empty();
        const double seconds = load_all(setting);
        expect_rows(setting, setting.events);
        return seconds;
      });
  std::printf("\\copy, load, ratio: %s\n", line.c_str());
}

void measure_repetition(const Setting& setting) {
  const auto show = [&](const char* what, double seconds) {
    std::printf("%-32s %9.0f events/s\n", what, static_cast<double>(setting.events) / seconds);
  };
  show("all events there already", load_again(setting, "true"));
  show("every other run of 100 there",
       load_again(setting, "substr(properties->>'path', 11)::int / 100 % 2 = 0"));
  show("one in 10,000 there",
       load_again(setting, "substr(properties->>'path', 11)::int % 10000 = 5000"));
}

void measure_skipping(const Setting& setting) {
  const auto batches = make_rows(1);
  ObjectSink objects{setting.store};
  for (std::size_t i = 0; i < setting.objects; ++i) write(objects, batches.front());
  load_all(setting);
  std::vector<double> seconds;
  for (std::size_t i = 0; i < setting.pairs; ++i) seconds.push_back(load_all(setting));
  std::printf("%zu loaded objects are skipped in %.3f s\n", setting.objects, median(seconds));
}

void measure(const Setting& setting) {
  const auto batches = make_rows(setting.events);
  const std::string rows = "/tmp/eventcollect-bench-" + std::to_string(getpid()) + ".rows";
  write_rows(rows, batches);
  ObjectSink objects{setting.store};
  for (const Batch& batch : batches) write(objects, batch);
  load_all(setting);
  compare_with_copy(setting, rows);
  measure_repetition(setting);
  measure_skipping(setting);
  run_sql(setting.postgres, std::string{"DROP TABLE "} + table + ", " + ledger);
  std::remove(rows.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const char* url = std::getenv("EVENTCOLLECT_TEST_POSTGRES");
  if (url == nullptr) {
    std::fputs("EVENTCOLLECT_TEST_POSTGRES is not set\n", stderr);
    return 2;
  }
  const auto number = [&](int place, std::size_t otherwise) {
    return argc > place ? std::stoul(argv[place]) : otherwise;
  };
  char directory[] = "/tmp/eventcollect-bench-XXXXXX";
  try {
    enable_drivers();
    if (mkdtemp(directory) == nullptr) throw std::runtime_error{"no temporary directory"};
    measure({url, open_store(argc > 4 ? argv[4] : std::string{"dir:"} + directory),
             number(1, 100'000), number(2, 9), number(3, 10'000)});
    std::filesystem::remove_all(directory);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
