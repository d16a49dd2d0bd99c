// How psql's \copy gets events into a table of Postgres.
#pragma once

#include <libpq-fe.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/pairs.hpp"
#include "benchmarks/rows.hpp"
#include "eventcollect/batch.hpp"

namespace eventcollect::bench {

inline void write_rows(const std::string& path, const std::vector<Batch>& batches) {
  std::ofstream file{path};
  for (const Batch& batch : batches) {
    for (const Event& event : batch) {
      file << event.id.to_string() << '\t' << format_rfc3339(event.server_time) << '\t'
           << format_rfc3339(event.event_time) << '\t' << escaped(event.name) << '\t'
           << escaped(event.url.value_or("\\N")) << '\t' << escaped(event.properties)
           << "\t\\N\t\\N\t\\N\t\\N\n";
    }
  }
  if (!file.flush()) throw std::runtime_error{"the rows cannot be written"};
}

inline std::string run_sql(const std::string& url, const std::string& statements) {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection{PQconnectdb(url.c_str()), PQfinish};
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result{
      PQexec(connection.get(), statements.c_str()), PQclear};
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error{PQerrorMessage(connection.get())};
  }
  return status == PGRES_TUPLES_OK ? PQgetvalue(result.get(), 0, 0) : "";
}

inline double copy_with_psql(const std::string& url, const std::string& path) {
  const std::string command = "psql -qX -v ON_ERROR_STOP=1 -c '\\copy " + std::string{table} +
                              " from " + path + "' '" + url + "'";
  return seconds_of([&] {
    if (std::system(command.c_str()) != 0) throw std::runtime_error{"psql failed"};
  });
}

}  // namespace eventcollect::bench
