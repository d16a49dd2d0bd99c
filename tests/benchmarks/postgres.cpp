// The postgres sink against psql's \copy of the same rows into a same table, in pairs.
//
//   python3 tests/services.py with build/release/bin/bench_postgres [EVENTS] [PAIRS]
//
// \copy reads a file of COPY's text form and stores all of it in one transaction. The sink gets
// batches of 10,000, each of which it commits. Both tables have the key and are empty at first.
#include <libpq-fe.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/pairs.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/parser.hpp"
#include "eventcollect/postgres.hpp"

namespace {

using namespace eventcollect;
using bench::median;
using bench::seconds_of;

constexpr std::size_t batch_events = 10'000;
constexpr const char* table = "bench_events";

std::vector<Batch> make_batches(std::size_t events) {
  std::vector<Batch> batches;
  batches.reserve(events / batch_events + 1);
  Parser parser;
  std::vector<Refused> refused;
  for (std::size_t i = 0; i < events; ++i) {
    if (i % batch_events == 0) batches.emplace_back();
    const std::string number = std::to_string(i);
    parser.parse(R"({"event":"clicked_event","url":"https://example.com/articles/)" + number +
                     R"(?from=home","properties":{"path":"/articles/)" + number +
                     R"(","element":"button.buy","text":"Add to cart","viewport":{"width":1280,)" +
                     R"("height":720},"scrolled":0.)" + number + R"(,"visible":true}})",
                 BodyFormat::json, {system_clock().now(), {}}, {}, batches.back(), refused);
  }
  if (!refused.empty()) throw std::runtime_error{"the events are none"};
  return batches;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += '\\';
    out += c;
  }
  return out;
}

void write_rows(const std::string& path, const std::vector<Batch>& batches) {
  std::ofstream file{path};
  for (const Batch& batch : batches) {
    for (const Event& event : batch.events()) {
      file << event.id.to_string() << '\t' << format_rfc3339(event.server_time) << '\t'
           << format_rfc3339(event.event_time) << '\t' << escaped(event.name) << '\t'
           << escaped(event.url.value_or("\\N")) << '\t' << escaped(event.properties)
           << "\t\\N\t\\N\t\\N\t\\N\n";
    }
  }
  if (!file.flush()) throw std::runtime_error{"the rows cannot be written"};
}

std::string run_sql(const std::string& url, const std::string& statements) {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection{PQconnectdb(url.c_str()), PQfinish};
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result{
      PQexec(connection.get(), statements.c_str()), PQclear};
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error{PQerrorMessage(connection.get())};
  }
  return status == PGRES_TUPLES_OK ? PQgetvalue(result.get(), 0, 0) : "";
}

double copy_with_psql(const std::string& url, const std::string& path) {
  const std::string command = "psql -qX -v ON_ERROR_STOP=1 -c '\\copy " + std::string{table} +
                              " from " + path + "' '" + url + "'";
  return seconds_of([&] {
    if (std::system(command.c_str()) != 0) throw std::runtime_error{"psql failed"};
  });
}

double write_with_sink(const std::string& url, const std::vector<Batch>& batches) {
  return seconds_of([&] {
    const auto sink = open_sink(url + "?timeout=60s&table=" + table);
    for (const Batch& batch : batches) sink->write(batch);
  });
}

void compare(const std::string& url, std::size_t events, std::size_t pairs) {
  enable_postgres();
  const auto batches = make_batches(events);
  const std::string path = "/tmp/eventcollect-bench-" + std::to_string(getpid()) + ".rows";
  write_rows(path, batches);
  open_sink(url + "?table=" + table)->tend();
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
