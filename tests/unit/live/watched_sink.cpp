#include "live/watched_sink.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "eventcollect/memory.hpp"
#include "support/events.hpp"

namespace eventcollect::test {
namespace {

using live::WatchedSink;

struct FailingSink final : Sink {
  void write(const Batch&, Rejections&) override { throw Error{Error::in_doubt, "lost"}; }
  void maintain() override { throw Error{Error::unavailable, "down"}; }
};

}  // namespace

TEST_CASE("a watcher is told of what is stored, and of nothing else") {
  int told = 0;
  const auto watcher = [&](const Batch& batch, const Rejections&) {
    told += static_cast<int>(batch.size());
  };
  Rejections rejections;
  const auto memory = std::make_shared<MemorySink>();
  WatchedSink{memory, watcher}.write(batch_of({event_named("a"), event_named("b")}), rejections);
  CHECK(told == 2);
  WatchedSink failing{std::make_shared<FailingSink>(), watcher};
  CHECK_THROWS_AS(failing.write(batch_of({event_named("c")}), rejections), Error);
  CHECK_THROWS_AS(failing.maintain(), Error);
  CHECK(told == 2);
}

TEST_CASE("a watcher that fails does not make stored events count as failed") {
  const auto memory = std::make_shared<MemorySink>();
  WatchedSink sink{memory, [](const Batch&, const Rejections&) { throw std::runtime_error{"oh"}; }};
  Rejections rejections;
  sink.write(batch_of({event_named("a")}), rejections);
  CHECK(memory->lines().size() == 1);
}

TEST_CASE("without a sink behind it the watcher is told all the same, and nothing counts as kept") {
  int told = 0;
  WatchedSink sink{nullptr, [&](const Batch&, const Rejections& rejections) {
                     CHECK(rejections.empty());
                     ++told;
                   }};
  Rejections rejections;
  sink.write(batch_of({event_named("a")}), rejections);
  sink.maintain();
  CHECK(told == 1);
  CHECK(rejections.size() == 1);
}

}  // namespace eventcollect::test
