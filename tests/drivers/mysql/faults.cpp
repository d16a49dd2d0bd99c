// MariaDB and the network at their worst: nothing is lost, nothing is there twice, nothing hangs.
#include <doctest/doctest.h>

#include <random>
#include <thread>

#include "drivers/mysql/database.hpp"
#include "support/cutting_proxy.hpp"
#include "support/events.hpp"
#include "support/seed.hpp"
#include "support/wait.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

// Writes until it worked; the kinds of the failures before that.
std::vector<Error::Kind> persist(Sink& sink, const Batch& batch) {
  const auto deadline = std::chrono::steady_clock::now() + wait_limit;
  std::vector<Error::Kind> failures;
  for (;;) {
    try {
      write(sink, batch);
      return failures;
    } catch (const Error& error) {
      INFO(error.what());
      REQUIRE(error.kind() != Error::misconfigured);
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      failures.push_back(error.kind());
    }
  }
}

// Afterwards the table is empty, and the sink has a connection that knows the batch's statements.
void warm_up(MysqlCorner& corner, Sink& sink, const Batch& batch) {
  write(sink, batch);
  corner.sql.run("DELETE FROM " + corner.table);
}

// How many bytes pass through the proxy for one write on such a connection.
std::size_t bytes_of_write(MysqlCorner& corner, CuttingProxy& proxy, Sink& sink,
                           const Batch& batch) {
  warm_up(corner, sink, batch);
  const std::size_t before = proxy.bytes();
  write(sink, batch);
  return proxy.bytes() - before;
}

// Cuts one write after so many bytes, and repeats it. Checks that each event is there once.
std::vector<Error::Kind> survive_cut(MysqlCorner& corner, CuttingProxy& proxy, Sink& sink,
                                     const Batch& batch, std::size_t bytes) {
  warm_up(corner, sink, batch);
  proxy.cut_after(bytes);
  auto failures = persist(sink, batch);
  proxy.cancel_cut();
  REQUIRE(corner.count() == batch.size());
  return failures;
}

}  // namespace

TEST_CASE("a connection cut at a random byte loses and repeats nothing") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  std::mt19937_64 random{seed()};
  MysqlCorner corner{*server};
  CuttingProxy proxy{"127.0.0.1", port_of(*server)};
  const auto sink = corner.open("", url_through(*server, proxy.port()));
  for (const std::size_t events : {1U, 20U, 1'000U}) {
    const Batch batch = numbered_batch("n", events);
    const std::size_t bytes = bytes_of_write(corner, proxy, *sink, batch);
    for (int i = 0; i < 60; ++i) survive_cut(corner, proxy, *sink, batch, random() % bytes);
  }
  CHECK(proxy.cuts() >= 180);
}

TEST_CASE("a connection cut while it is made loses and repeats nothing") {
  const auto server = service_url("MYSQL");
  const auto ca = service_url("MYSQL_CA");
  if (!server || !ca) return;
  std::string options;
  SUBCASE("without TLS") {}
  SUBCASE("with TLS") { options = "&tls=on&ca_file=" + *ca; }
  std::mt19937_64 random{seed()};
  MysqlCorner corner{*server};
  corner.create();
  CuttingProxy proxy{"127.0.0.1", port_of(*server)};
  const Batch batch = numbered_batch("n", 5);
  const auto open = [&] { return corner.open(options, url_through(*server, proxy.port())); };
  const std::size_t before = proxy.bytes();
  write(*open(), batch);
  const std::size_t bytes = proxy.bytes() - before;
  for (int i = 0; i < 60; ++i) {
    corner.sql.run("DELETE FROM " + corner.table);
    const auto sink = open();
    proxy.cut_after(random() % bytes);
    persist(*sink, batch);
    proxy.cancel_cut();
    REQUIRE(corner.count() == batch.size());
  }
}

TEST_CASE("a connection lost in COMMIT leaves the write in doubt, one lost before does not") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  CuttingProxy proxy{"127.0.0.1", port_of(*server)};
  const auto sink = corner.open("", url_through(*server, proxy.port()));
  const Batch batch = numbered_batch("n", 3);
  const std::size_t bytes = bytes_of_write(corner, proxy, *sink, batch);
  constexpr std::size_t bytes_of_answer = 11;  // the header of a packet is 4, that it is well 7
  for (std::size_t left = 1; left < bytes_of_answer; ++left) {
    CAPTURE(left);
    const auto failures = survive_cut(corner, proxy, *sink, batch, bytes - left);
    CHECK(failures == std::vector<Error::Kind>{Error::in_doubt});
  }
  // On a connection that was used before, a loss before COMMIT is made good at once.
  CHECK(survive_cut(corner, proxy, *sink, batch, 10).empty());
}

TEST_CASE("a server that stops to answer is given up at the deadline") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create();
  CuttingProxy proxy{"127.0.0.1", port_of(*server)};
  const auto sink = corner.open("&timeout=1s", url_through(*server, proxy.port()));
  const Batch batch = numbered_batch("n", 3);
  const Batch large = numbered_batch("large", 20'000);  // more than the proxy takes
  for (const Batch* one : {&batch, &large}) {
    persist(*sink, batch);
    proxy.stall();
    CHECK(has(failure_of([&] { write(*sink, *one); }), "unavailable: mysql: the server did not"));
    CHECK(has(failure_of([&] { write(*sink, *one); }), "did not answer in time"));  // connecting
    CHECK(has(failure_of([&] { sink->maintain(); }), "unavailable: "));
    proxy.resume();
  }
  persist(*sink, batch);
  CHECK(corner.count("event LIKE 'n%'") == 3);
}

TEST_CASE("a server killed in the middle of writes has each event once in the end") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create();
  std::atomic<bool> is_over = false;
  std::atomic<std::size_t> written = 0;
  std::size_t failures = 0;
  std::thread writer{[&] {
    const auto sink = corner.open();
    for (std::size_t i = 0; !is_over; ++i) {
      const Batch batch = numbered_batch("n", 1 + i % 700);
      failures += persist(*sink, batch).size();
      written += batch.size();
    }
  }};
  for (int i = 0; i < 3; ++i) {
    const std::size_t before = written;
    wait_until([&] { return written >= before + 2'000; });
    const ServiceOutage outage{"mysql"};
  }
  is_over = true;
  writer.join();
  corner.sql = MysqlClient{*server};
  CHECK(corner.count() == written);
  MESSAGE(written.load() << " events, " << failures << " failed writes");
}

}  // namespace eventcollect::test
