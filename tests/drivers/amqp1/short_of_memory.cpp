// That sink and source go on when memory is back.
#include <cstdint>
#include <new>

#include "drivers/amqp1/scripted_broker.hpp"
#include "drivers/amqp1/support.hpp"
#include "support/allocations.hpp"

namespace eventcollect::test {

TEST_CASE("a read of the amqp1 source that fails for want of memory skips and keeps no event") {
  const auto url = service_url("ARTEMIS");
  if (!url) return;
  enable_amqp1();
  constexpr std::size_t events = 100;
  const auto read_all = [](Source& source, Delivery& delivery) {
    for (int reads = 0; delivery.size() < events && reads < 100; ++reads) {
      source.read(delivery, {.wait = std::chrono::milliseconds{100}});
    }
  };
  const Batch batch = numbered_batch("e", events);
  BareClient1 client{*url};
  std::size_t left = 0;
  for (bool is_done = false; !is_done; ++left) {
    CAPTURE(left);
    REQUIRE(left < 1'000);
    const std::string queue = new_queue();
    write(*open_sink(queue_url(*url, queue)), batch);
    auto source = open_source(queue_url(*url, queue));
    Delivery delivery;
    starve(left, SIZE_MAX);
    try {
      read_all(*source, delivery);
      is_done = true;
    } catch (const std::bad_alloc&) {
    }
    starve(SIZE_MAX, SIZE_MAX);
    read_all(*source, delivery);
    CHECK((delivery.batch.ndjson() == batch.ndjson()));
    source->acknowledge(delivery);
    source.reset();
    CHECK(client.take_lines(queue).empty());
  }
  CHECK(left > 10);
}

TEST_CASE("a write of the amqp1 sink that fails for want of memory is not mixed up with the next") {
  enable_amqp1();
  const auto outcome_of = [](std::string_view body) {
    const bool is_next = body.find(R"("next)") != std::string_view::npos;
    return is_next ? ScriptedOutcome{PN_REJECTED, "failed"} : ScriptedOutcome{};
  };
  const ScriptedBroker broker{{.outcome_of = outcome_of}};
  // The last one takes memory when the first ones are under way.
  std::vector<std::string> texts(100, event_named("small"));
  const std::string filler(10'000, 'x');
  texts.push_back(R"({"event":"large","properties":{"text":")" + filler + R"("}})");
  const Batch batch = batch_of(texts);
  const Batch next = numbered_batch("next", 3);
  std::size_t left = 0;
  for (bool is_done = false; !is_done; ++left) {
    CAPTURE(left);
    REQUIRE(left < 1'000);
    const auto sink = open_sink(broker.url());
    sink->maintain();
    Rejections rejections;
    starve(left, SIZE_MAX);
    try {
      sink->write(batch, rejections);
      is_done = true;
    } catch (const std::bad_alloc&) {
    }
    starve(SIZE_MAX, SIZE_MAX);
    CHECK(contains_text(error_text([&] { write(*sink, next); }), "unavailable: "));
  }
  CHECK(left > 1);
}

}  // namespace eventcollect::test
