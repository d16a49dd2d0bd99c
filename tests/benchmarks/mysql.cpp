// The mysql sink against LOAD DATA LOCAL of the stock client with the same rows into a same table,
// in pairs.
//
//   python3 tests/services.py --only mysql with build/release/bin/bench_mysql [EVENTS] [PAIRS]
//
// LOAD DATA reads a file and stores all of it in one transaction. The sink gets batches of 10,000,
// each of which it commits. Both tables have the key and are empty at first.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/authority.hpp"
#include "benchmarks/pairs.hpp"
#include "benchmarks/rows.hpp"
#include "eventcollect/mysql.hpp"
#include "eventcollect/open.hpp"
#include "support/writing.hpp"

namespace {

using namespace eventcollect;
using test::write;
using namespace bench;

// Runs one statement by the stock client.
void run_client(const std::string& url, const std::string& statement) {
  const Url parts = Url::parse(url);
  const auto authority = base::parse_authority(parts, "mysql");
  const std::string command = fmt::format(
      "mariadb --no-defaults --local-infile --delimiter=// --host={} --port={} --user={} {} -e "
      "\"{}\"",
      authority.hosts.front().name, authority.hosts.front().port, *authority.user,
      parts.path.substr(1), statement);
  if (std::system(command.c_str()) != 0) throw std::runtime_error{"the client failed"};
}

// The key is in hexadecimal digits, since the file is one of text.
void write_rows(const std::string& path, const std::vector<Batch>& batches) {
  std::ofstream file{path};
  const auto time = [](TimePoint at) {
    std::string text = format_rfc3339(at);
    text.pop_back();
    return text;
  };
  for (const Batch& batch : batches) {
    for (const Event& event : batch) {
      std::string id = event.id.to_string();
      std::erase(id, '-');
      file << id << '\t' << time(event.server_time) << '\t' << time(event.event_time) << '\t'
           << escaped(event.name) << '\t' << escaped(event.url.value_or("\\N")) << '\t'
           << escaped(event.properties) << "\t\\N\t\\N\t\\N\t\\N\n";
    }
  }
  if (!file.flush()) throw std::runtime_error{"the rows cannot be written"};
}

double load_with_client(const std::string& url, const std::string& path) {
  return seconds_of([&] {
    run_client(url, fmt::format("LOAD DATA LOCAL INFILE '{}' INTO TABLE {} CHARACTER SET utf8mb4 "
                                "(@id, server_time, event_time, event, url, properties, context, "
                                "client_time, sent_time, violations) SET event_id = unhex(@id)",
                                path, table));
  });
}

double write_with_sink(const std::string& url, const std::vector<Batch>& batches) {
  return seconds_of([&] {
    const auto sink = open_sink(url + "?timeout=60s&table=" + table);
    for (const Batch& batch : batches) write(*sink, batch);
  });
}

void measure(const std::string& url, std::size_t events, std::size_t pairs) {
  enable_mysql();
  const auto batches = make_rows(events);
  const std::string path = "/tmp/eventcollect-bench-" + std::to_string(getpid()) + ".rows";
  write_rows(path, batches);
  open_sink(url + "?table=" + table)->maintain();
  const auto empty = [&] { run_client(url, fmt::format("TRUNCATE {}", table)); };
  const auto expect_rows = [&] {
    // An error where the count is another: a client that prints it would have to be read.
    run_client(url, fmt::format("BEGIN NOT ATOMIC IF (SELECT "
                                "count(*) FROM {}) <> {} THEN SIGNAL SQLSTATE '45000' SET "
                                "MESSAGE_TEXT = 'rows are missing'; END IF; END",
                                table, events));
  };
  const std::string line = compare(
      events, pairs,
      [&] {
        empty();
        const double seconds = load_with_client(url, path);
        expect_rows();
        return seconds;
      },
      [&] {
        empty();
        const double seconds = write_with_sink(url, batches);
        expect_rows();
        return seconds;
      });
  std::printf("LOAD DATA, sink, ratio: %s\n", line.c_str());
  run_client(url, fmt::format("DROP TABLE {}", table));
  std::remove(path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const char* url = std::getenv("EVENTCOLLECT_TEST_MYSQL");
  if (url == nullptr) {
    std::fputs("EVENTCOLLECT_TEST_MYSQL is not set\n", stderr);
    return 2;
  }
  try {
    measure(url, argc > 1 ? std::stoul(argv[1]) : 100'000, argc > 2 ? std::stoul(argv[2]) : 9);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
