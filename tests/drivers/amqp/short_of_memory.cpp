// That the source goes on when memory is back. Replaces operator new for the program.
#include <algorithm>
#include <new>

#include "drivers/amqp/support.hpp"
#include "support/allocations.hpp"
#include "support/replaced_new.hpp"
#include "support/writing.hpp"

bool eventcollect::test::may_allocate(std::size_t) noexcept {
  if (allocations_left > 0) {
    if (allocations_left != SIZE_MAX) --allocations_left;
    return true;
  }
  if (failures_left == 0) return true;
  if (failures_left != SIZE_MAX) --failures_left;
  return false;
}

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;

// Reads on until the delivery has all events.
void read_all(Source& source, Delivery& delivery, std::size_t events) {
  for (int reads = 0; delivery.size() < events; ++reads) {
    if (reads == 100) throw Error{Error::unavailable, "events do not come"};
    source.read(delivery, {.wait = 100ms});
  }
}

}  // namespace

TEST_CASE("a read of the amqp source that fails for want of memory skips no event") {
  const auto url = service_url("AMQP");
  if (!url) return;
  enable_amqp();
  const TestQueue queue{*url};
  write(*open_sink(queue.made()), numbered_batch("e", 50));
  std::size_t left = 0;
  for (bool is_done = false; !is_done; ++left) {
    CAPTURE(left);
    REQUIRE(left < 1'000);
    const auto source = open_source(queue.url());
    Delivery delivery;
    starve(left, SIZE_MAX);
    try {
      read_all(*source, delivery, 50);
      is_done = true;
    } catch (const std::bad_alloc&) {
    }
    starve(SIZE_MAX, SIZE_MAX);
    read_all(*source, delivery, 50);
    std::vector<std::string> names;
    for (const Event& event : delivery.batch) names.emplace_back(event.name);
    std::sort(names.begin(), names.end());
    CHECK(std::unique(names.begin(), names.end()) == names.end());
    CHECK(names.size() == 50);
  }
  CHECK(left > 10);
}

}  // namespace eventcollect::test
