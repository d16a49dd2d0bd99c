// What the sqlite sink costs against a bare loop over one prepared statement.
//
//   build/release/bin/bench_sqlite [PAIRS]
//
// Both fill a new file with the same 100,000 events, in the same batches of one transaction each,
// with the same table and settings. The bare loop has its values ready as strings; the sink makes
// them of its events. Pairs of runs alternate in order; `ratio` is the median of the sink's rate
// to the bare loop's, and is what the budget bounds: 0.85.
#include <fmt/format.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/pairs.hpp"
#include "eventcollect/sqlite.hpp"
#include "support/writing.hpp"

namespace {

using namespace eventcollect;
using test::write;
using namespace eventcollect::bench;

constexpr std::size_t events_per_run = 100'000;

// The values of a row; the other four columns are NULL.
struct Values {
  std::string event_id, server_time, event_time, name, url, properties;
};

std::string time_text(TimePoint time) {
  std::string text = format_rfc3339(time);
  text.pop_back();
  text[10] = ' ';
  return text;
}

std::vector<std::vector<Values>> values_of(const std::vector<Batch>& batches) {
  std::vector<std::vector<Values>> all;
  all.reserve(batches.size());
  for (const Batch& batch : batches) {
    std::vector<Values>& rows = all.emplace_back();
    rows.reserve(batch.size());
    for (const Event& one : batch) {
      rows.push_back({one.id.to_string(), time_text(one.server_time), time_text(one.event_time),
                      std::string{one.name}, std::string{one.url.value_or("")},
                      std::string{one.properties}});
    }
  }
  return all;
}

// A file that is removed, with its log, before and after.
class NewFile {
 public:
  NewFile() { remove(); }
  ~NewFile() { remove(); }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  const std::string path = (std::filesystem::temp_directory_path() / "bench_sqlite.db").string();

 private:
  void remove() const {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  }
};

void check(bool holds) {
  if (!holds) throw std::runtime_error{"SQLite failed"};
}

void run_sql(sqlite3* database, const char* sql) {
  check(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
}

void insert_bare(sqlite3* database, sqlite3_stmt* insert, const std::vector<Values>& rows) {
  run_sql(database, "BEGIN IMMEDIATE");
  for (const Values& row : rows) {
    int parameter = 0;
    for (const std::string* value :
         {&row.event_id, &row.server_time, &row.event_time, &row.name, &row.url, &row.properties}) {
      sqlite3_bind_text(insert, ++parameter, value->data(), static_cast<int>(value->size()),
                        nullptr);
    }
    check(sqlite3_step(insert) == SQLITE_DONE);
    sqlite3_reset(insert);
  }
  run_sql(database, "COMMIT");
}

double time_bare(const std::vector<std::vector<Values>>& batches) {
  const NewFile file;
  SqliteSink{file.path}.maintain();  // makes the table
  sqlite3* database = nullptr;
  check(sqlite3_open(file.path.c_str(), &database) == SQLITE_OK);
  run_sql(database, "PRAGMA journal_mode = WAL");
  run_sql(database, "PRAGMA synchronous = FULL");
  sqlite3_stmt* insert = nullptr;
  check(sqlite3_prepare_v2(database,
                           "INSERT INTO events (event_id, server_time, event_time, event, url, "
                           "properties) VALUES (?, ?, ?, ?, ?, ?)",
                           -1, &insert, nullptr) == SQLITE_OK);
  const double seconds = seconds_of([&] {
    for (const auto& rows : batches) insert_bare(database, insert, rows);
  });
  sqlite3_finalize(insert);
  sqlite3_close(database);
  return seconds;
}

double time_sink(const std::vector<Batch>& batches) {
  const NewFile file;
  SqliteSink sink{file.path};
  sink.maintain();
  return seconds_of([&] {
    for (const Batch& batch : batches) write(sink, batch);
  });
}

void compare_with(std::size_t batch_size, std::size_t pairs) {
  const std::vector<Batch> batches = make_batches(events_per_run, batch_size);
  const auto values = values_of(batches);
  const std::string line = compare(
      events_per_run, pairs, [&] { return time_bare(values); }, [&] { return time_sink(batches); });
  fmt::print("{:>6}  {}\n", batch_size, line);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t pairs = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 11;
  fmt::print(" batch    bare loop         sink  ratio\n");
  for (const std::size_t batch_size : {100U, 1'000U, 10'000U}) compare_with(batch_size, pairs);
}
