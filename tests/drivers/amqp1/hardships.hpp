// What a broker of AMQP 1.0 may do to us: each check takes the place of a queue that is empty.
#pragma once

#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "drivers/amqp1/support.hpp"
#include "support/cutting_proxy.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {

using namespace std::chrono_literals;

// Writes numbered batches and remembers the lines that write() returned for.
class Writer1 {
 public:
  std::set<std::string> stored;
  std::size_t failures = 0;

  // Whether the batch was stored.
  bool write(Sink& sink, std::size_t count) {
    const Batch batch = numbered_batch("batch" + std::to_string(++batches_) + "-", count);
    const std::string said = error_text([&] { test::write(sink, batch); });
    CAPTURE(said);
    CHECK_FALSE(contains_text(said, "misconfigured"));
    if (!said.empty()) {
      ++failures;
      return false;
    }
    for (std::string& line : lines_of(batch.ndjson())) stored.insert(std::move(line));
    return true;
  }

 private:
  std::size_t batches_ = 0;
};

// Reads and acknowledges, whatever is thrown meanwhile, until all of `expected` have come.
inline std::string missing_after_reading(Source& source, std::set<std::string> expected) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  Delivery delivery;
  while (!expected.empty() && std::chrono::steady_clock::now() < deadline) {
    error_text([&] {
      source.read(delivery, {.wait = 1s});
      source.acknowledge(delivery);
    });
    for (const std::string& line : lines_of(delivery.batch.ndjson())) expected.erase(line);
    delivery.clear();
  }
  return expected.empty() ? "" : std::to_string(expected.size()) + ", as " + *expected.begin();
}

// A broker whose process is stopped as long as this lives.
class Pause {
 public:
  explicit Pause(std::string service) : service_{std::move(service)} {
    tell_services("pause " + service_);
  }
  ~Pause() { tell_services("resume " + service_); }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  std::string service_;
};

// It is killed and started under load: nothing is lost.
inline void check_killed(const std::string& service, const std::string& place) {
  const auto sink = open_sink(place);
  const auto source = open_source(place);
  Writer1 writer;
  REQUIRE(writer.write(*sink, 500));
  const Delivery first = read_count(*source, 100, 100);
  source->acknowledge(first);
  const Delivery second = read_count(*source, 100, 100);
  {
    std::thread killer{[&] { kill_service(service); }};
    while (writer.write(*sink, 100)) {
    }
    killer.join();
  }
  CHECK(contains_text(error_text([&] { sink->maintain(); }), "unavailable: "));
  Delivery none;
  CHECK(contains_text(error_text([&] { source->read(none, {.wait = 30s}); }), "unavailable: "));
  start_service(service);
  std::size_t tries = 0;
  while (!writer.write(*sink, 100) && tries < 100) ++tries;
  source->acknowledge(second);  // does nothing: these come again
  std::set<std::string> expected = writer.stored;
  for (const std::string& line : lines_of(first.batch.ndjson())) expected.erase(line);
  CHECK(missing_after_reading(*source, expected) == "");
}

// Its process is stopped: it is given up at the deadline, and used again when it goes on.
inline void check_stopped(const std::string& service, const std::string& place) {
  const auto sink = open_sink(place + "&timeout=1s");
  const auto fresh = open_sink(place + "&timeout=1s");
  const auto source = open_source(place + "&heartbeat=1s");
  Writer1 writer;
  std::size_t tries = 0;
  while (!writer.write(*sink, 1) && tries < 100) ++tries;
  Delivery delivery = read_count(*source, 1);
  {
    const Pause pause{service};
    CHECK(contains_text(error_text([&] { write(*sink, numbered_batch("e", 1)); }), "in_doubt: "));
    CHECK(contains_text(error_text([&] { sink->maintain(); }), "unavailable: "));
    CHECK(contains_text(error_text([&] { fresh->maintain(); }), "did not answer in time"));
    delivery.clear();
    CHECK(
        contains_text(error_text([&] { source->read(delivery, {.wait = 60s}); }), "unavailable: "));
  }
  tries = 0;
  while (!writer.write(*sink, 1) && tries < 100) ++tries;
  CHECK(missing_after_reading(*source, writer.stored) == "");
}

// Connections are cut at random bytes: nothing is lost.
inline void check_cut(const std::string& place) {
  std::mt19937_64 random{seed()};
  CuttingProxy sink_proxy{"127.0.0.1", port_of(place)};
  CuttingProxy source_proxy{"127.0.0.1", port_of(place)};
  const auto sink = open_sink(url_through(place, sink_proxy.port()));
  auto source = open_source(url_through(place, source_proxy.port()));
  Writer1 writer;
  std::set<std::string> acknowledged;
  std::size_t cuts = 0;
  std::size_t failures = 0;
  Delivery delivery;
  for (std::size_t round = 0; cuts < 100 && round < 2'000; ++round) {
    sink_proxy.cut_after(random() % 30'000);
    source_proxy.cut_after(random() % 30'000);
    for (int i = 0; i < 3; ++i) writer.write(*sink, 1 + random() % 40);
    for (int i = 0; i < 3; ++i) {
      const std::string said = error_text([&] {
        source->read(delivery, {.wait = 5ms, .max_events = 1 + random() % 100});
        if (random() % 2 == 0) return;
        source->acknowledge(delivery);
        for (std::string& line : lines_of(delivery.batch.ndjson())) acknowledged.insert(line);
        delivery.clear();
      });
      CAPTURE(said);
      CHECK_FALSE(contains_text(said, "misconfigured"));
      if (!said.empty()) ++failures;
    }
    if (sink_proxy.cancel_cut()) ++cuts;
    if (source_proxy.cancel_cut()) ++cuts;
  }
  CHECK(cuts >= 100);
  CHECK(failures > 5);
  CHECK(writer.failures > 20);
  CHECK(writer.stored.size() > 500);
  std::set<std::string> rest;
  std::set_difference(writer.stored.begin(), writer.stored.end(), acknowledged.begin(),
                      acknowledged.end(), std::inserter(rest, rest.end()));
  // What lies in `delivery` comes again in a new session only.
  source.reset();
  source = open_source(place);
  CHECK(missing_after_reading(*source, rest) == "");
}

}  // namespace eventcollect::test
