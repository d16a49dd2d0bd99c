// The postgres sink against psql's \copy of the same rows into a same table, in pairs.
//
//   python3 tests/services.py with build/release/bin/bench_postgres [EVENTS] [PAIRS]
//
// \copy reads a file of COPY's text form and stores all of it in one transaction. The sink gets
// batches of 10,000, each of which it commits. Both tables have the key and are empty at first.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/pairs.hpp"
#include "benchmarks/postgres_rows.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/postgres.hpp"
#include "support/writing.hpp"

namespace {

using namespace eventcollect;
using test::write;
using namespace bench;

double write_with_sink(const std::string& url, const std::vector<Batch>& batches) {
  return seconds_of([&] {
    const auto sink = open_sink(url + "?timeout=60s&table=" + table);
    for (const Batch& batch : batches) write(*sink, batch);
  });
}

void compare(const std::string& url, std::size_t events, std::size_t pairs) {
  enable_postgres();
  const auto batches = make_rows(events);
  const std::string path = "/tmp/eventcollect-bench-" + std::to_string(getpid()) + ".rows";
  write_rows(path, batches);
  open_sink(url + "?table=" + table)->maintain();
  std::vector<double> ratios;
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    double taken[2] = {};
    for (std::size_t turn = 0; turn < 2; ++turn) {
      run_sql(url, std::string{"TRUNCATE "} + table);
      run_sql(url, "CHECKPOINT");
      const bool is_sink = (turn + pair) % 2 == 0;
      taken[is_sink ? 1 : 0] = is_sink ? write_with_sink(url, batches) : copy_with_psql(url, path);
      if (run_sql(url, std::string{"SELECT count(*) FROM "} + table) != std::to_string(events)) {
        throw std::runtime_error{"rows are missing"};
      }
    }
    ratios.push_back(taken[0] / taken[1]);
    const auto rate = [&](double seconds) { return static_cast<double>(events) / seconds; };
    std::printf("\\copy %8.0f events/s   sink %8.0f events/s   ratio %.2f\n", rate(taken[0]),
                rate(taken[1]), ratios.back());
  }
  std::printf("median of the ratios: %.2f\n", median(ratios));
  run_sql(url, std::string{"DROP TABLE "} + table);
  std::remove(path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const char* url = std::getenv("EVENTCOLLECT_TEST_POSTGRES");
  if (url == nullptr) {
    std::fputs("EVENTCOLLECT_TEST_POSTGRES is not set\n", stderr);
    return 2;
  }
  try {
    compare(url, argc > 1 ? std::stoul(argv[1]) : 100'000, argc > 2 ? std::stoul(argv[2]) : 9);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
