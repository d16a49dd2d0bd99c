// The sink against a broker and a network that fail.
#include <random>
#include <set>
#include <thread>

#include "drivers/amqp/support.hpp"
#include "support/cutting_proxy.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

// Writes numbered batches and remembers the lines that write() returned for.
class Writer {
 public:
  std::set<std::string> stored;
  std::size_t failures = 0;

  // Whether the batch was stored.
  bool write(Sink& sink, std::size_t count) {
    const Batch batch = numbered_batch("batch" + std::to_string(++batches_) + "-", count);
    try {
      test::write(sink, batch);
    } catch (const Error& error) {
      CHECK(error.kind() != Error::misconfigured);
      ++failures;
      return false;
    }
    for (std::string& line : lines_of(batch.ndjson())) stored.insert(std::move(line));
    return true;
  }

  // What of it is not in the queue, in a few words.
  std::string lost(const std::string& url, const TestQueue& queue) const {
    std::set<std::string> missing = stored;
    for (const std::string& line : BareClient{url}.take_lines(queue.name())) missing.erase(line);
    if (missing.empty()) return "";
    return std::to_string(missing.size()) + " of " + std::to_string(stored.size()) + ", from " +
           *missing.begin() + " to " + *missing.rbegin();
  }

 private:
  std::size_t batches_ = 0;
};

// A broker that believes to have too little memory, as long as this lives.
class MemoryAlarm {
 public:
  MemoryAlarm() { tell_services("rabbitmqctl set_vm_memory_high_watermark 0"); }
  ~MemoryAlarm() { end(); }
  MemoryAlarm(const MemoryAlarm&) = delete;
  MemoryAlarm& operator=(const MemoryAlarm&) = delete;

  void end() {
    if (is_on_) tell_services("rabbitmqctl set_vm_memory_high_watermark 0.4");
    is_on_ = false;
  }

 private:
  bool is_on_ = true;
};

}  // namespace

TEST_CASE("nothing is lost when connections are cut at random bytes") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  std::mt19937_64 random{seed()};
  for (const std::string kind : {"&declare=quorum", "&declare=classic"}) {
    CAPTURE(kind);
    const TestQueue queue{*url};
    CuttingProxy proxy{"127.0.0.1", port_of(*url)};
    const auto sink = open_sink(queue.made(kind, proxy.port()));
    Writer writer;
    std::size_t cuts = 0;
    for (int round = 0; cuts < 150 && round < 5'000; ++round) {
      // About as much as opening a connection and writing two batches takes, both ways.
      proxy.cut_after(random() % 30'000);
      for (int i = 0; i < 3; ++i) writer.write(*sink, 1 + random() % 40);
      if (proxy.cancel_cut()) ++cuts;
    }
    CHECK(cuts == 150);
    CHECK(writer.failures > 50);
    CHECK(writer.stored.size() > 1'000);
    CHECK(writer.lost(*url, queue) == "");
  }
}

TEST_CASE("nothing is lost when the broker is killed and started in the middle") {
  const auto url = service_url("AMQP");
  if (!url || !service_url("SERVICES")) return;
  enable_amqp();
  for (const std::string kind : {"&declare=quorum", "&declare=classic"}) {
    CAPTURE(kind);
    const TestQueue queue{*url};
    const auto sink = open_sink(queue.made(kind));
    Writer writer;
    REQUIRE(writer.write(*sink, 1'000));
    let_broker_note_its_queues();
    {
      std::thread killer{[] { kill_service("rabbitmq"); }};
      while (writer.write(*sink, 100)) {
      }
      killer.join();
    }
    CHECK(contains(error_of([&] { sink->maintain(); }), "unavailable: "));
    start_service("rabbitmq");
    // A quorum queue needs a moment to have its leader.
    std::size_t tries = 0;
    while (!writer.write(*sink, 1'000) && tries < 100) ++tries;
    CHECK(writer.lost(*url, queue) == "");
  }
}

TEST_CASE("a broker that hears and does not answer is given up at the deadline, in doubt") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  CuttingProxy proxy{"127.0.0.1", port_of(*url)};
  const auto sink = open_sink(queue.made("&timeout=500ms", proxy.port()));
  Writer writer;
  REQUIRE(writer.write(*sink, 1));
  proxy.stall();
  CHECK(contains(error_of([&] { write(*sink, numbered_batch("e", 1)); }), "in_doubt: "));
  // Nor is the next connection answered.
  CHECK(contains(error_of([&] { write(*sink, numbered_batch("e", 1)); }), "unavailable: "));
  CHECK(contains(error_of([&] { sink->maintain(); }), "unavailable: "));
  proxy.resume();
  proxy.cut_after(0);
  std::size_t tries = 0;
  while (!writer.write(*sink, 1) && tries < 100) ++tries;
  CHECK(writer.lost(*url, queue) == "");
}

TEST_CASE("a broker that takes no more bytes is given up at the deadline, in doubt") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  CuttingProxy proxy{"127.0.0.1", port_of(*url)};
  const auto sink = open_sink(queue.made("&timeout=500ms", proxy.port()));
  write(*sink, numbered_batch("e", 1));
  std::vector<std::string> texts;  // more than all buffers on the way take
  texts.reserve(500);
  const std::string filler(60'000, 'x');
  for (int i = 0; i < 500; ++i) {
    texts.push_back(R"({"event":"large","properties":{"text":")" + filler + R"("}})");
  }
  const Batch batch = batch_of(texts);
  proxy.stall();
  CHECK(contains(error_of([&] { write(*sink, batch); }), "in_doubt: "));
}

TEST_CASE("a broker that blocks its publishers is unavailable until it takes events again") {
  const auto url = service_url("AMQP");
  if (!url || !service_url("SERVICES")) return;
  enable_amqp();
  const TestQueue queue{*url};
  const auto sink = open_sink(queue.made("&timeout=500ms"));
  Writer writer;
  REQUIRE(writer.write(*sink, 1));
  MemoryAlarm alarm;
  // The broker tells those who publish, when they do; one that is slow to tell is asked again.
  for (int tries = 0; tries < 60 && error_of([&] { sink->maintain(); }).empty(); ++tries) {
    CHECK(contains(error_of([&] { write(*sink, numbered_batch("e", 1)); }), "in_doubt: "));
  }
  CHECK(contains(error_of([&] { sink->maintain(); }), "unavailable: "));
  CHECK(contains(error_of([&] { write(*sink, numbered_batch("e", 1)); }), "unavailable: "));
  const auto other = open_sink(queue.made("&timeout=60s"));
  const Batch held = numbered_batch("held", 1);
  std::string of_other = "none";
  std::thread waiting{[&] { of_other = error_of([&] { write(*other, held); }); }};
  alarm.end();
  waiting.join();
  CHECK(of_other == "");
  std::size_t tries = 0;
  while (!writer.write(*sink, 1) && tries < 100) ++tries;
  sink->maintain();
  CHECK(writer.lost(*url, queue) == "");
}

TEST_CASE("an idle sink keeps its connection by maintain(), and without it takes a new one") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  CuttingProxy tended_proxy{"127.0.0.1", port_of(*url)};
  CuttingProxy idle_proxy{"127.0.0.1", port_of(*url)};
  const auto maintained = open_sink(queue.made("&heartbeat=1s", tended_proxy.port()));
  const auto idle = open_sink(queue.made("&heartbeat=1s", idle_proxy.port()));
  write(*maintained, numbered_batch("e", 1));
  write(*idle, numbered_batch("e", 1));
  const BareClient silent{*url, 1};
  wait_until_given_up(silent, [&] { maintained->maintain(); });
  write(*maintained, numbered_batch("e", 1));
  write(*idle, numbered_batch("e", 1));
  CHECK(tended_proxy.connections() == 1);
  CHECK(idle_proxy.connections() == 2);
}

}  // namespace eventcollect::test
