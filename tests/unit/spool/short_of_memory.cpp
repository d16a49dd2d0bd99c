// That a spool outlives a lack of memory.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>

#include "eventcollect/spool.hpp"
#include "support/allocations.hpp"
#include "support/directory.hpp"
#include "support/events.hpp"
#include "support/wait.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

using std::chrono::milliseconds;

// Fails each time that it is told to, and is short of memory then, like its thread.
class StarvingTarget final : public Sink {
 public:
  void write(const Batch& batch, Rejections&) override {
    starve(SIZE_MAX, SIZE_MAX);
    if (fails.exchange(false)) {
      starve(left, 5);
      throw Error{Error::unavailable, "told to fail, and to say so"};
    }
    events += batch.size();
  }

  std::atomic<std::size_t> left{0};
  std::atomic<bool> fails{false};
  std::atomic<std::size_t> events{0};
};

}  // namespace

TEST_CASE("a forwarder that runs out of memory goes on when it is back") {
  const TemporaryDirectory directory;
  const auto target = std::make_shared<StarvingTarget>();
  SpoolOptions options;
  options.max_batch_age = milliseconds{0};
  options.retry.first_wait = milliseconds{1};
  options.retry.max_wait = milliseconds{1};
  options.on_failure = [](const std::string& name, const std::exception& error) {
    static_cast<void>(std::string(100, ' ').append(name).append(error.what()));
  };
  Spool spool{directory.path(), {{"target", target}}, options};
  for (std::size_t left = 0; left < 150; ++left) {
    CAPTURE(left);
    target->left = left;
    target->fails = true;
    write(*spool.sink(), batch_of({event_named("e")}));
    wait_until([&] { return target->events > left; });
  }
  wait_until([&] { return spool.statistics().front().events_forwarded == 150; });
}

TEST_CASE("a spool that is closed where memory is short is closed") {
  const TemporaryDirectory directory;
  Spool spool{directory.path(), {{"target", std::make_shared<StarvingTarget>()}}};
  starve(0, SIZE_MAX);
  spool.close(milliseconds{1});
  starve(SIZE_MAX, SIZE_MAX);
}

}  // namespace eventcollect::test
